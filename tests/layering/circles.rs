//! In each crate, files form no circle: where one uses another, that one does not use it in turn,
//! not even by way of others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

use crate::harness::need;
use crate::harness::product::{SourceFile, crates};

/// What a module has by a name, and which names it uses.
#[derive(Default)]
struct Scope {
    items: BTreeSet<String>,
    /// Each imported name with its path.
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// The paths that the module uses, imports among them.
    paths: Vec<Vec<String>>,
}

/// What a path leads from: an import of a name, or of everything.
enum Import {
    Name(String, Vec<String>),
    Glob(Vec<String>),
}

/// All `use` of a file, where they are in its text, and which of them only pass a name on.
#[derive(Default)]
struct Uses {
    imports: Vec<(Import, bool)>,
    ranges: Vec<Range<usize>>,
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let passes_on = !matches!(item.vis, syn::Visibility::Inherited);
        let mut imports = Vec::new();
        flatten(&item.tree, &[], &mut imports);
        self.imports.extend(imports.into_iter().map(|import| (import, passes_on)));
        let end = item.semi_token.span.byte_range().end;
        self.ranges.push(item.use_token.span.byte_range().start..end);
    }
}

/// The single imports of a tree of them.
fn flatten(tree: &syn::UseTree, above: &[String], imports: &mut Vec<Import>) {
    let path = |ident: &syn::Ident| match ident.to_string() {
        name if name == "self" && !above.is_empty() => above.to_vec(),
        name => [above, &[name]].concat(),
    };
    match tree {
        syn::UseTree::Path(tree) => flatten(&tree.tree, &path(&tree.ident), imports),
        syn::UseTree::Name(tree) => {
            let path = path(&tree.ident);
            imports.push(Import::Name(path.last().unwrap().clone(), path));
        }
        syn::UseTree::Rename(tree) => {
            imports.push(Import::Name(tree.rename.to_string(), path(&tree.ident)));
        }
        syn::UseTree::Glob(_) => imports.push(Import::Glob(above.to_vec())),
        syn::UseTree::Group(group) => {
            group.items.iter().for_each(|tree| flatten(tree, above, imports));
        }
    }
}

/// The paths among tokens, in macros too: names with `::` between them, or one name.
fn paths(stream: TokenStream, uses: &[Range<usize>], found: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for tree in stream {
        let at = tree.span().byte_range().start;
        if uses.iter().any(|range| range.contains(&at)) {
            continue;
        }
        match tree {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    found.push(std::mem::take(&mut path));
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                found.push(std::mem::take(&mut path));
                // Not the start of a path: a field or a method.
                colons = 0;
                if let TokenTree::Group(group) = other {
                    paths(group.stream(), uses, found);
                }
            }
        }
    }
    found.push(path);
    found.retain(|path| !path.is_empty());
}

impl Scope {
    fn of(file: &SourceFile) -> Self {
        let mut uses = Uses::default();
        uses.visit_file(&file.syntax);
        let mut scope = Self::default();
        paths(file.text.parse().unwrap(), &uses.ranges, &mut scope.paths);
        let used: BTreeSet<_> = scope.paths.iter().map(|path| path[0].clone()).collect();
        for (import, passes_on) in uses.imports {
            match import {
                Import::Name(name, path) => {
                    if !passes_on || used.contains(&name) {
                        scope.paths.push(path.clone());
                    }
                    scope.imports.insert(name, path);
                }
                Import::Glob(path) => scope.globs.push(path),
            }
        }
        // A single name is imported, unless everything is.
        scope.paths.retain(|path| path.len() > 1 || !scope.globs.is_empty());
        let mut items = Items::default();
        file.syntax.items.iter().for_each(|item| items.visit_item(item));
        scope.items = items.0;
        scope
    }
}

/// The names that a module defines itself.
#[derive(Default)]
struct Items(BTreeSet<String>);

impl<'ast> Visit<'ast> for Items {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let ident = match item {
            syn::Item::Const(item) => &item.ident,
            syn::Item::Enum(item) => &item.ident,
            syn::Item::Fn(item) => &item.sig.ident,
            syn::Item::Static(item) => &item.ident,
            syn::Item::Struct(item) => &item.ident,
            syn::Item::Trait(item) => &item.ident,
            syn::Item::Type(item) => &item.ident,
            _ => return,
        };
        self.0.insert(ident.to_string());
    }
}

/// A crate: its modules, each with the number of its file.
struct Modules(BTreeMap<Vec<String>, (usize, Scope)>);

impl Modules {
    fn of(files: &[SourceFile]) -> Self {
        let scopes = files.iter().enumerate();
        Self(scopes.map(|(i, file)| (file.module.clone(), (i, Scope::of(file)))).collect())
    }

    /// The file that defines what a path in a module names. `None` for another crate's, and for a
    /// module, which is used by the paths below it.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.resolve_in(&[], rest, depth),
            "self" => self.resolve_in(module, rest, depth),
            "super" => {
                let parent = module.split_last()?.1;
                if rest.first().is_some_and(|next| next == "super") {
                    self.resolve(parent, rest, depth)
                } else {
                    self.resolve_in(parent, rest, depth)
                }
            }
            _ => self.resolve_in(module, path, depth),
        }
    }

    fn resolve_in(&self, module: &[String], path: &[String], depth: usize) -> Option<usize> {
        // An import of a crate by its own name names itself.
        let depth = depth.checked_sub(1)?;
        let (file, scope) = self.0.get(module)?;
        let (first, rest) = path.split_first()?;
        let child = [module, std::slice::from_ref(first)].concat();
        if !rest.is_empty() && self.0.contains_key(&child) {
            return self.resolve_in(&child, rest, depth);
        }
        if scope.items.contains(first) {
            return Some(*file);
        }
        if let Some(import) = scope.imports.get(first) {
            return self.resolve(module, &[import, rest].concat(), depth);
        }
        let mut globs = scope.globs.iter();
        globs.find_map(|glob| self.resolve(module, &[glob, path].concat(), depth))
    }

    /// For each file, those that it uses.
    fn edges(&self) -> Vec<BTreeSet<usize>> {
        let mut edges = vec![BTreeSet::new(); self.0.len()];
        for (module, (file, scope)) in &self.0 {
            let used = scope.paths.iter().filter_map(|path| self.resolve(module, path, 16));
            edges[*file] = used.filter(|used| used != file).collect();
        }
        edges
    }
}

/// The shortest circle through each file that is in one.
fn circles(edges: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let circle = |start: usize| {
        let mut ways: Vec<Vec<usize>> = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                for &next in &edges[*way.last().unwrap()] {
                    if next == start {
                        return Some(way);
                    }
                    if seen.insert(next) {
                        longer.push([&way[..], &[next]].concat());
                    }
                }
            }
            ways = longer;
        }
        None
    };
    (0..edges.len()).filter_map(circle).collect()
}

#[test]
fn no_files_of_a_crate_form_a_circle() {
    if !need::sources() {
        return;
    }
    let mut in_circles = BTreeMap::new();
    for files in crates() {
        for circle in circles(&Modules::of(&files).edges()) {
            let names: Vec<_> = circle.iter().map(|&file| files[file].path.as_str()).collect();
            in_circles.insert(names[0].to_owned(), names.join(" → "));
        }
    }
    assert!(in_circles.is_empty(), "these files are in a circle: {in_circles:#?}");
}

#[test]
fn a_circle_is_found_through_imports_macros_and_names_that_are_passed_on() {
    let file = |path: &str, text: &str| {
        let module = path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let syntax = syn::parse_file(text).unwrap();
        SourceFile { path: path.to_owned(), module, text: text.to_owned(), lines: 0, syntax }
    };
    let found = |texts: [(&str, &str); 4]| -> Vec<_> {
        let files: Vec<_> = texts.iter().map(|(path, text)| file(path, text)).collect();
        circles(&Modules::of(&files).edges())
    };
    // The root passes a name on, and does not use it.
    let root = "mod a; mod b; pub use self::a::{A, A as C}; pub const ROOT: u8 = 1;";
    let a = "use std::io; use crate::ROOT; pub struct A; pub fn make() { io::stdin(); crate::b::c::f(); }";
    let none = [("", root), ("a", a), ("b", "pub mod c; pub struct B;"), ("b::c", "pub fn f() {}")];
    assert_eq!(found(none), [[0; 0]; 0]);
    let [_, of_a, of_b, _] = none;
    for text in [
        "use crate::C; pub fn f() {}",
        "use super::super::a; pub fn f() { a::make(); }",
        "pub fn f() { println!(\"{}\", crate::a::make()); }",
        "use crate::*; pub fn f() -> A {}",
    ] {
        let texts = [("", root), of_a, of_b, ("b::c", text)];
        assert_eq!(found(texts), [[1, 3], [3, 1]], "{text}");
    }
    // A root that uses what it passes on, and a parent that uses its child.
    let user = "mod a; mod b; pub use self::a::A; pub const ROOT: A = A;";
    assert_eq!(found([("", user), none[1], none[2], none[3]]), [[0, 1], [1, 0]]);
    let child = ("b::c", "use super::B; pub fn f() {}");
    assert_eq!(
        found([none[0], none[1], ("b", "mod c; struct B; fn g() { c::f() }"), child]),
        [[2, 3], [3, 2]]
    );
}
