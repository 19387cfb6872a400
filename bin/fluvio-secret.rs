//! The program `fluvio-secret`. Everything but the allocator is in the library.

#![cfg_attr(all(target_env = "gnu", not(test)), no_main)]

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: libraries copy values freely.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fluvio_secret_system::entry_point!(fluvio_secret_cli::main);
