//! The `thalweg` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    thalweg_flight_server::cli::main()
}
