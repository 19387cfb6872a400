//! Reads the header of an age file at once.
//!
//! The age library reads a header line by line, and parses all that it has after each one. That takes a time that grows with
//! the square of the stanzas.

use std::io::{self, BufRead, Read};

/// An encrypted file whose first line is its whole header.
pub(crate) struct HeaderFirst<'a> {
    /// The bytes of the header that were not read.
    pub(crate) header: usize,
    pub(crate) bytes: &'a [u8],
}

impl Read for HeaderFirst<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.header = self.header.saturating_sub(count);
        Ok(count)
    }
}

impl BufRead for HeaderFirst<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.bytes)
    }

    fn consume(&mut self, count: usize) {
        self.bytes.consume(count);
        self.header = self.header.saturating_sub(count);
    }

    fn read_until(&mut self, delimiter: u8, buffer: &mut Vec<u8>) -> io::Result<usize> {
        if self.header == 0 {
            return self.bytes.read_until(delimiter, buffer);
        }
        let (header, rest) = self.bytes.split_at(self.header);
        buffer.extend_from_slice(header);
        *self = Self { header: 0, bytes: rest };
        Ok(header.len())
    }
}
