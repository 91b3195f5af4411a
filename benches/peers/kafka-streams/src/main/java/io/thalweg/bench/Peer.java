package io.thalweg.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Folds a topic into three tumbling windows of count, sum and maximum per key, exactly once, into RocksDB, and says
 * what that took: one line of JSON on standard output.
 *
 * <p>Arguments: bootstrap servers, topic, file with the Avro schema of the values, folder for the state.
 */
public final class Peer {
    private static final Map<String, Duration> WINDOWS = new LinkedHashMap<>();

    static {
        WINDOWS.put("hour", Duration.ofHours(1));
        WINDOWS.put("day", Duration.ofDays(1));
        WINDOWS.put("week", Duration.ofDays(7));
    }

    /** How late an event may be, and for how long a window is kept after its end: as Thalweg's lookback. */
    private static final Duration GRACE = Duration.ofHours(2);

    private static final LongAdder FOLDED = new LongAdder();

    private static final Duration PATIENCE = Duration.ofMinutes(20);

    public static void main(String[] arguments) throws Exception {
        String servers = arguments[0];
        String topic = arguments[1];
        String schema = Files.readString(Path.of(arguments[2]));
        Properties settings = settings(servers, arguments[3]);
        try (KafkaStreams streams = new KafkaStreams(topology(topic, schema).build(), settings);
                Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            long began = System.nanoTime();
            long cpu = system.getProcessCpuTime();
            streams.start();
            awaitCommitted(streams, admin, topic, settings.getProperty(StreamsConfig.APPLICATION_ID_CONFIG));
            double wallSeconds = (System.nanoTime() - began) / 1e9;
            double cpuSeconds = (system.getProcessCpuTime() - cpu) / 1e9;
            System.out.printf("{\"wall_s\": %.3f, \"cpu_s\": %.3f, \"peak_mib\": %d, \"folded\": %d}%n",
                    wallSeconds, cpuSeconds, peakMebibytes(), FOLDED.sum() / WINDOWS.size());
        }
    }

    private static Properties settings(String servers, String folder) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer-" + System.nanoTime());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Runtime.getRuntime().availableProcessors());
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 10_000);
        settings.put(StreamsConfig.consumerPrefix("fetch.max.bytes"), 64 << 20);
        settings.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), 8 << 20);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 100);
        settings.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
        return settings;
    }

    private static StreamsBuilder topology(String topic, String schema) {
        ThreadLocal<Values> values = ThreadLocal.withInitial(() -> new Values(schema));
        StreamsBuilder builder = new StreamsBuilder();
        KGroupedStream<byte[], byte[]> events =
                builder.stream(topic, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())).groupByKey();
        WINDOWS.forEach((name, width) -> events
                .windowedBy(TimeWindows.ofSizeAndGrace(width, GRACE))
                .aggregate(() -> Stats.NONE, (key, value, stats) -> {
                            FOLDED.increment();
                            return stats.with(values.get().of(value));
                        },
                        Materialized.<byte[], Stats, WindowStore<Bytes, byte[]>>as(name)
                                .withKeySerde(Serdes.ByteArray())
                                .withValueSerde(Stats.serde())
                                .withRetention(width.plus(GRACE))));
        return builder;
    }

    /** Waits until the offsets at the end of the topic are committed, and with them all state. */
    private static void awaitCommitted(KafkaStreams streams, Admin admin, String topic, String group)
            throws Exception {
        var partitions = admin.describeTopics(java.util.List.of(topic)).allTopicNames().get().get(topic).partitions();
        Map<TopicPartition, OffsetSpec> all = partitions.stream()
                .collect(Collectors.toMap(p -> new TopicPartition(topic, p.partition()), p -> OffsetSpec.latest()));
        var ends = admin.listOffsets(all).all().get();
        Instant deadline = Instant.now().plus(PATIENCE);
        while (Instant.now().isBefore(deadline) && streams.state() != KafkaStreams.State.ERROR) {
            var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            if (ends.entrySet().stream().allMatch(end -> {
                var at = committed.get(end.getKey());
                return at != null && at.offset() >= end.getValue().offset();
            })) {
                return;
            }
            Thread.sleep(50);
        }
        throw new IllegalStateException("the topic is not folded; Kafka Streams is in state " + streams.state());
    }

    private static long peakMebibytes() throws Exception {
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            String peak = lines.filter(line -> line.startsWith("VmHWM")).findFirst().orElse("VmHWM: 0 kB");
            return Long.parseLong(peak.replaceAll("\\D", "")) >> 10;
        }
    }
}
