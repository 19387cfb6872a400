//! The program `fluvio-secret-shim`; all of it is in the library.

fn main() -> std::process::ExitCode {
    fluvio_secret_launch::main()
}
