//! How fast the output of a connector is masked, by one thread and without a pipe.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fluvio_secret_mask::{Mask, MaskedStream};

use crate::Outcome;
use crate::programs::Programs;
use crate::row::Row;

/// What is masked, in pieces as a pipe gives them.
const TEXT_BYTES: usize = 256 << 20;
const PIECE_BYTES: usize = 64 << 10;
const SECRETS: usize = 20;
/// In MB.
const LEAST: f64 = 200.0;

pub(crate) fn measure(_: &Programs, _: &Path) -> Outcome<Vec<Row>> {
    Ok(vec![Row::rate("MB of a log, masked with 20 secrets", megabytes_per_second(), Some(LEAST))])
}

fn megabytes_per_second() -> f64 {
    let values: Vec<_> =
        (0..SECRETS).map(|n| format!("Bearer {:032x}", n as u128 * 0x9e37_79b9_7f4a)).collect();
    let mask = Arc::new(Mask::of(values.iter().map(String::as_bytes)));
    let line =
        "2026-11-29T17:40:52.117Z  INFO http_source: GET https://catfact.ninja/fact 200 in 31 ms\n";
    let mut piece = line.repeat(PIECE_BYTES / line.len());
    piece.push_str(&values[0]);
    piece.push('\n');
    let mut stream = MaskedStream::new(mask);
    let mut out = Vec::with_capacity(2 * PIECE_BYTES);
    let begin = Instant::now();
    for _ in 0..TEXT_BYTES / piece.len() {
        out.clear();
        stream.push(piece.as_bytes(), &mut out);
    }
    (TEXT_BYTES as f64 / 1e6) / begin.elapsed().as_secs_f64()
}
