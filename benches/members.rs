//! What a vault with many members costs, by the files of age alone: whether it could be replicated for a large fleet. Our
//! programs take at most 256 members.

use std::io::{Read, Write};
use std::iter;
use std::path::Path;
use std::time::Duration;

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};

use crate::Outcome;
use crate::header_first::HeaderFirst;
use crate::measure::timed;
use crate::programs::Programs;
use crate::row::Row;

const MEMBERS: [usize; 4] = [8, 256, 1000, 10_000];
/// The secrets of the vault, how often each is changed in a year, and how many of 100 members are replaced.
const SECRETS: f64 = 100.0;
const CHANGES: f64 = 12.0;
const REPLACED: f64 = 10.0;
/// Bytes of a signed record with a value of 40 bytes, and of a member in the list.
const RECORD: usize = 400;
const LISTED: f64 = 250.0;
/// What base64 adds on the topic.
const BASE64: f64 = 4.0 / 3.0;
/// The number of measurements, of which the shortest one counts.
const ROUNDS: usize = 3;

pub(crate) fn measure(_: &Programs, _: &Path) -> Outcome<Vec<Row>> {
    let most = MEMBERS.into_iter().max().unwrap_or_default();
    let identities: Vec<_> = iter::repeat_with(Identity::generate).take(most).collect();
    let recipients: Vec<_> = identities.iter().map(Identity::to_public).collect();
    let mut rows = Vec::new();
    for members in MEMBERS {
        let own = &identities[0];
        rows.extend(with_members(own, &recipients[..members])?);
    }
    Ok(rows)
}

fn with_members(own: &Identity, recipients: &[Recipient]) -> Outcome<Vec<Row>> {
    let members = recipients.len();
    let (mut file, mut written, mut read) = (Vec::new(), Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        written = written.min(timed(|| encrypt(recipients).map(|made| file = made))?);
    }
    let bytes = file.len() as f64;
    let change = SECRETS * bytes + LISTED * members as f64;
    let replaced = members as f64 * REPLACED / 100.0;
    // A replaced member is removed, and another one is admitted.
    let year = BASE64 * (SECRETS * CHANGES * bytes + 2.0 * replaced * change);
    let mut rows = vec![
        Row::bytes(format!("{members} members: a secret's file"), bytes),
        Row::span(format!("{members} members: to encrypt it"), written, None),
    ];
    for _ in 0..ROUNDS {
        read = read.min(timed(|| decrypt(own, &file))?);
    }
    rows.push(Row::span(format!("{members} members: to decrypt it, first stanza"), read, None));
    let join = read.mul_f64(SECRETS);
    rows.push(Row::span(format!("{members} members: to join, 100 secrets"), join, None));
    let cost = written.mul_f64(SECRETS);
    rows.push(Row::span(format!("{members} members: to change one, 100 secrets"), cost, None));
    rows.push(Row::bytes(format!("{members} members: what that publishes"), BASE64 * change));
    rows.push(Row::bytes(format!("{members} members: the topic of a year"), year));
    Ok(rows)
}

fn encrypt(recipients: &[Recipient]) -> Outcome<Vec<u8>> {
    let recipients = recipients.iter().map(|one| one as &dyn age::Recipient);
    let mut file = Vec::new();
    let mut writer = Encryptor::with_recipients(recipients)?.wrap_output(&mut file)?;
    writer.write_all(&[b'x'; RECORD])?;
    writer.finish()?;
    Ok(file)
}

fn decrypt(own: &Identity, file: &[u8]) -> Outcome<()> {
    let own = iter::once(own as &dyn age::Identity);
    let mut plain = Vec::new();
    let last = file.windows(4).position(|bytes| bytes == b"\n---").ok_or("no header")? + 1;
    let header = last + file[last..].iter().position(|&byte| byte == b'\n').ok_or("no end")? + 1;
    let file = HeaderFirst { header, bytes: file };
    Decryptor::new_buffered(file)?.decrypt(own)?.read_to_end(&mut plain)?;
    Ok(())
}
