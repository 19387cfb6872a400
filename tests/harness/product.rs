//! The product's sources as the compiler reads them: file by file, without tests.

use std::fs;
use std::ops::Range;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::sources::{files, relative, root};

/// The directories of the product's crates. Programs have one more.
pub(crate) const CRATES: [&str; 8] =
    ["system", "protocol", "config", "mask", "vault", "daemon", "cli", "shim"];

/// A file of a crate, or a program.
pub(crate) struct SourceFile {
    /// Its path below the root of the workspace.
    pub(crate) path: String,
    /// Where its module is in the crate.
    pub(crate) module: Vec<String>,
    /// Its text, with spaces in place of tests.
    pub(crate) text: String,
    /// How many lines it has without tests.
    pub(crate) lines: usize,
    pub(crate) syntax: syn::File,
}

impl SourceFile {
    /// Its text without comments.
    pub(crate) fn code(&self) -> String {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// All crates and programs, each with its files.
pub(crate) fn crates() -> Vec<Vec<SourceFile>> {
    let libraries = CRATES.iter().map(|name| root().join(name).join("src/lib.rs"));
    let roots = libraries.chain(files(&root().join("bin")));
    let crates = roots.map(|root| {
        let mut files = Vec::new();
        load(&root, &[], &mut files);
        files
    });
    crates.collect()
}

/// All files.
pub(crate) fn source_files() -> Vec<SourceFile> {
    crates().into_iter().flatten().collect()
}

/// Reads a module and those below it.
fn load(path: &Path, module: &[String], files: &mut Vec<SourceFile>) {
    let source = fs::read_to_string(path).unwrap();
    let (text, lines) = without_tests(&source);
    let syntax = syn::parse_file(&text).unwrap();
    let is_directory = module.is_empty() || path.ends_with("mod.rs");
    let below =
        if is_directory { path.parent().unwrap().to_owned() } else { path.with_extension("") };
    let children = syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(child) if child.content.is_none() => Some(child.ident.to_string()),
        _ => None,
    });
    let children: Vec<_> = children.collect();
    files.push(SourceFile { path: relative(path), module: module.to_owned(), text, lines, syntax });
    for child in children {
        let (file, directory) =
            (below.join(format!("{child}.rs")), below.join(&child).join("mod.rs"));
        let path = if file.exists() { file } else { directory };
        load(&path, &[module, &[child]].concat(), files);
    }
}

/// A source without items for tests, and how many lines are left.
pub(crate) fn without_tests(source: &str) -> (String, usize) {
    let mut tests = Vec::new();
    find_tests(source.parse().unwrap(), &mut tests);
    let (mut bytes, mut lines) = (source.as_bytes().to_vec(), source.lines().count());
    for range in tests {
        lines -= source[range.clone()].lines().count();
        bytes[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    (String::from_utf8(bytes).unwrap(), lines)
}

/// Where items with `#[cfg(test)]` are, each with all of its attributes.
fn find_tests(stream: TokenStream, tests: &mut Vec<Range<usize>>) {
    let trees: Vec<_> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        let begin = at;
        let mut is_test = false;
        while let Some(attribute) = attribute(&trees[at..]) {
            is_test |= attribute == "cfg(test)";
            at += 2;
        }
        if is_test {
            at += item_length(&trees[at..]);
            tests.push(start(&trees[begin])..trees[at - 1].span().byte_range().end);
            continue;
        }
        if let Some(TokenTree::Group(group)) = trees.get(at) {
            find_tests(group.stream(), tests);
        }
        at += 1;
    }
}

fn start(tree: &TokenTree) -> usize {
    tree.span().byte_range().start
}

/// The text of the attribute that these tokens begin with.
fn attribute(trees: &[TokenTree]) -> Option<String> {
    match trees {
        [TokenTree::Punct(hash), TokenTree::Group(group), ..]
            if hash.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group.stream().to_string().replace(' ', ""))
        }
        _ => None,
    }
}

/// How many tokens the item has that these begin with: up to its braces, or to a semicolon.
fn item_length(trees: &[TokenTree]) -> usize {
    let mut idents = trees.iter().filter_map(|tree| match tree {
        TokenTree::Ident(ident) if ident != "pub" => Some(ident.to_string()),
        _ => None,
    });
    let (keyword, next) = (idents.next(), idents.next());
    let has_braces = match keyword.as_deref() {
        Some("const") => next.is_some_and(|next| next == "fn"),
        Some(keyword) => !["let", "static", "type", "use"].contains(&keyword),
        None => true,
    };
    let is_end = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => has_braces && group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    trees.iter().position(is_end).map_or(trees.len(), |end| end + 1)
}

#[test]
fn only_tests_are_cut_from_a_source() {
    let source = "\
//! A file.
#[cfg(test)]
use a::{b, c};
fn first() {}
impl First {
    /// For tests.
    #[cfg(test)]
    #[must_use]
    pub(crate) const fn second(&self) -> [u8; 3] {
        [1, 2, 3]
    }
    fn third() {}
}
#[cfg(test)]
mod fourth;
#[cfg(test)]
mod tests {
    fn fifth() {}
}
#[cfg(any(test, feature = \"fuzzing\"))]
fn sixth() {}
";
    let (text, lines) = without_tests(source);
    let rest: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let expected = [
        "//! A file.",
        "fn first() {}",
        "impl First {",
        "fn third() {}",
        "}",
        "#[cfg(any(test, feature = \"fuzzing\"))]",
        "fn sixth() {}",
    ];
    assert_eq!((&rest[..], lines), (&expected[..], expected.len()));
    assert_eq!(text.len(), source.len(), "places stay");
}
