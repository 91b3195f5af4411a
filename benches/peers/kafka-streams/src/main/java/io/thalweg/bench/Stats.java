package io.thalweg.bench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/** How many values a window has, their sum and the greatest of them: what the bench's features are made of. */
record Stats(long count, double sum, double greatest) {
    static final Stats NONE = new Stats(0, 0, Double.NEGATIVE_INFINITY);

    Stats with(double value) {
        return new Stats(count + 1, sum + value, Math.max(greatest, value));
    }

    static Serde<Stats> serde() {
        Serializer<Stats> write = (topic, stats) -> stats == null ? null : ByteBuffer.allocate(24)
                .putLong(stats.count).putDouble(stats.sum).putDouble(stats.greatest).array();
        Deserializer<Stats> read = (topic, bytes) -> {
            if (bytes == null) {
                return null;
            }
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            return new Stats(buffer.getLong(), buffer.getDouble(), buffer.getDouble());
        };
        return Serdes.serdeFrom(write, read);
    }
}
