//! The program `fluvio-secretd`; all of it is in the library.

fn main() -> std::process::ExitCode {
    fluvio_secret_daemon::main()
}
