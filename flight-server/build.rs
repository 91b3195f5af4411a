//! Compiles the wire contract.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protos = ["../proto/thalweg/v1/online.proto", "../proto/thalweg/v1/admin.proto"];
    for proto in protos {
        println!("cargo:rerun-if-changed={proto}");
    }
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    tonic_prost_build::configure()
        .file_descriptor_set_path(out.join("thalweg.v1.descriptors.bin"))
        .compile_protos(&protos, &["../proto"])?;
    Ok(())
}
