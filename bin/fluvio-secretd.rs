//! The program `fluvio-secretd`. Everything but the allocator is in the library.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: libraries copy values freely.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> std::process::ExitCode {
    fluvio_secret_daemon::main()
}
