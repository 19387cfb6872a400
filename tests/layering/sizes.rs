//! Files and functions are short, or say why not: in a line `// Long because …`.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use crate::harness::need;
use crate::harness::product::source_files;

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 60;

/// The line that gives the reason, in a file or in a function.
const REASON: &str = "// Long because ";

/// The functions of a file with their lines, from the signature to the last brace.
#[derive(Default)]
struct Functions(Vec<(String, String, usize)>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let begin = signature.fn_token.span.start();
        let braces = block.brace_token.span.join();
        let end = braces.end();
        let text = braces.source_text().unwrap_or_default();
        self.0.push((signature.ident.to_string(), text, end.line - begin.line + 1));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[test]
fn files_and_functions_are_short_or_say_why_not() {
    if !need::sources() {
        return;
    }
    let mut long = BTreeSet::new();
    for file in source_files() {
        let mut functions = Functions::default();
        functions.visit_file(&file.syntax);
        let in_functions: usize =
            functions.0.iter().map(|(_, text, _)| text.matches(REASON).count()).sum();
        if file.lines > LONGEST_FILE && file.text.matches(REASON).count() <= in_functions {
            long.insert(file.path.clone());
        }
        for (name, text, lines) in functions.0 {
            if lines > LONGEST_FUNCTION && !text.contains(REASON) {
                long.insert(format!("{}: {name}", file.path));
            }
        }
    }
    assert!(long.is_empty(), "too long, without a line {REASON:?}: {long:#?}");
}
