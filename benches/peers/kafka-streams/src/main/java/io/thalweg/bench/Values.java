package io.thalweg.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/** Reads the field {@code value} out of bare Avro datums; reads no other field, as Thalweg does not. */
final class Values {
    private final GenericDatumReader<GenericRecord> reader;
    private BinaryDecoder decoder;
    private GenericRecord record;

    /** @param written the schema the datums were written with, as JSON */
    Values(String written) {
        Schema in = new Schema.Parser().parse(written);
        Schema.Field value = in.getField("value");
        Schema wanted = Schema.createRecord(in.getName(), null, in.getNamespace(), false);
        wanted.setFields(java.util.List.of(new Schema.Field("value", value.schema(), null, (Object) null)));
        reader = new GenericDatumReader<>(in, wanted);
    }

    double of(byte[] datum) {
        try {
            decoder = DecoderFactory.get().binaryDecoder(datum, decoder);
            record = reader.read(record, decoder);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        return (Double) record.get(0);
    }
}
