//! The program `fluvio-secret`; all of it is in the library.

fn main() -> std::process::ExitCode {
    fluvio_secret_cli::main()
}
