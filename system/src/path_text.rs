//! Paths as text, where two paths are compared by it.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path as text that no other path has. One that is not UTF-8 is written with escapes, and in quotes: an absolute
/// path never begins with one.
#[must_use]
pub fn unambiguous(path: &Path) -> String {
    let escaped = || format!("\"{}\"", path.as_os_str().as_bytes().escape_ascii());
    path.to_str().map_or_else(escaped, str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::unambiguous;

    #[test]
    fn two_paths_have_two_texts() {
        let text = |bytes: &[u8]| unambiguous(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(text("/k/\u{fc} \"x\"\n".as_bytes()), "/k/\u{fc} \"x\"\n");
        assert_eq!(text(b"/k/\xff"), r#""/k/\xff""#);
        let all: [&[u8]; 5] =
            [b"/k/\xff", b"/k/\xfe", br"/k/\xff", "/k/\u{fffd}".as_bytes(), b"/k/"];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| text(one) != text(other)), "{}", text(one));
        }
    }
}
