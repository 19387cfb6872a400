//! The state of a large type is touched by one file: its own.

use std::collections::BTreeSet;

use crate::harness::need;
use crate::harness::product::source_files;

/// Types whose impl blocks stand where they are defined.
const TYPES: [&str; 5] = ["Client", "Document", "Service", "Supervisor", "Vault"];

/// The last name of a type's path.
fn name(of: &syn::Type) -> Option<String> {
    match of {
        syn::Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        syn::Type::Reference(reference) => name(&reference.elem),
        _ => None,
    }
}

#[test]
fn impl_blocks_of_large_types_are_in_their_own_file() {
    if !need::sources() {
        return;
    }
    let (mut homes, mut impls) = (BTreeSet::new(), BTreeSet::new());
    for file in source_files() {
        for item in &file.syntax.items {
            let (set, name) = match item {
                syn::Item::Struct(item) => (&mut homes, Some(item.ident.to_string())),
                syn::Item::Impl(item) => (&mut impls, name(&item.self_ty)),
                _ => continue,
            };
            let ours = TYPES.iter().find(|of| Some(**of) == name.as_deref());
            set.extend(ours.map(|&name| (name, file.path.clone())));
        }
    }
    for name in TYPES {
        assert!(homes.iter().any(|(of, _)| *of == name), "no struct is called {name}");
    }
    let elsewhere: Vec<_> = impls.difference(&homes).collect();
    assert!(elsewhere.is_empty(), "these impl blocks are not beside their struct: {elsewhere:#?}");
}
