//! A name of a type, trait or constant has one meaning in the whole workspace.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use crate::harness::need;
use crate::harness::product::source_files;

/// Names that may stand more than once, each with its reason.
const EXCEPTIONS: &[&str] = &[
    // Each program has one.
    "ALLOCATOR",
];

/// The names that a file defines. Associated ones belong to their type.
#[derive(Default)]
struct Names(Vec<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let ident = match item {
            syn::Item::Const(item) => Some(&item.ident),
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Static(item) => Some(&item.ident),
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            syn::Item::Type(item) => Some(&item.ident),
            syn::Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        self.0.extend(ident.map(ToString::to_string).filter(|name| name != "_"));
        visit::visit_item(self, item);
    }
}

#[test]
fn each_name_stands_once_in_the_workspace() {
    if !need::sources() {
        return;
    }
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in source_files() {
        let mut names = Names::default();
        names.visit_file(&file.syntax);
        for name in names.0 {
            homes.entry(name).or_default().push(file.path.clone());
        }
    }
    homes.retain(|_, files| files.len() > 1);
    let known: BTreeSet<_> = EXCEPTIONS.iter().map(|&name| name.to_owned()).collect();
    let twice: Vec<_> = homes.iter().filter(|(name, _)| !known.contains(*name)).collect();
    assert!(twice.is_empty(), "these names stand more than once: {twice:#?}");
    let once: Vec<_> = known.iter().filter(|name| !homes.contains_key(*name)).collect();
    assert!(once.is_empty(), "these names stand once, remove them from the list: {once:?}");
}
