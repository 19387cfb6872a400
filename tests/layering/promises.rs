//! docs/THREATS.md names files with tests, which move.

use std::fs;

use crate::harness::need;
use crate::harness::sources::root;

#[test]
fn the_table_of_promises_names_files_that_exist() {
    if !need::sources() {
        return;
    }
    let document = fs::read_to_string(root().join("docs/THREATS.md")).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| "));
    let code = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let files: Vec<_> = code.filter(|word| word.ends_with(".rs")).collect();
    assert!(files.len() > 100, "the table is read: {}", files.len());
    let gone: Vec<_> = files.iter().filter(|file| !root().join(file).exists()).collect();
    assert!(gone.is_empty(), "{gone:?}");
}
