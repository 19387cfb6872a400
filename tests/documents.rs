//! README and the guide show what the programs print: each page is typed into a shell, block by block.
//!
//! With `FLUVIO_SECRET_WRITE_DOCUMENTS=1` the output of the programs is written into the pages.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::need;
use crate::harness::page::{self, Block, Page, Shown, Step};
use crate::harness::shell::Shell;
use crate::harness::sources::{files, relative, root};

/// The width of the terminal in which pages are typed.
const COLUMNS: u16 = 100;

/// Types a page, and returns what is not as it shows, and the page as it should be.
fn type_page(path: &Path) -> (Vec<String>, String) {
    let page = Page::read(path);
    let mut shell = Shell::start(COLUMNS);
    let (mut faults, mut text) = (Vec::new(), page.text.clone());
    let mut blocks = Vec::new();
    for step in page.steps {
        match step {
            Step::File { name, text } => {
                let path = shell.project().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Step::NotRun { line, reason } => {
                need::say(&format!("not run: {}:{line}: {reason}", relative(path)));
            }
            Step::Setup { line, command } => {
                let (output, status) = shell.run(&command, &mut Vec::new());
                if status != 0 {
                    faults.push(format!(
                        "{}:{line}: {command} exits with {status}:\n{output}",
                        relative(path)
                    ));
                }
            }
            Step::Commands(block) => {
                let really = type_block(&mut shell, &block, path, &mut faults);
                blocks.push((block, really));
            }
        }
    }
    shell.end();
    for (block, really) in blocks.iter().rev().filter(|(block, _)| block.has_output) {
        text.replace_range(block.range.clone(), &page::session(really));
    }
    (faults, text)
}

/// Types a block, and returns it with what was really printed, where that differs.
fn type_block(
    shell: &mut Shell,
    block: &Block,
    path: &Path,
    faults: &mut Vec<String>,
) -> Vec<Shown> {
    let mut types = block.types.clone();
    let mut really = Vec::new();
    for (number, shown) in block.commands.iter().enumerate() {
        let at = format!("{}:{}: $ {}", relative(path), block.line, shown.command);
        let (output, status) = shell.run(&shown.command, &mut types);
        let next = block.commands.get(number + 1).map_or("", |next| &next.command);
        let is_last = number + 1 == block.commands.len();
        let may_fail = next.starts_with("echo $?") || block.fails && is_last;
        if (status != 0) != may_fail && !next.starts_with("echo $?") {
            faults.push(format!("{at}\nexits with {status}:\n{output}"));
        }
        let is_as_shown =
            !block.has_output || page::is_shown(shown.output.trim_end(), output.trim_end());
        if !is_as_shown {
            faults.push(format!("{at}\nprints:\n{output}\ninstead of:\n{}", shown.output));
        }
        let keeps = is_as_shown || shown.output.lines().any(|line| line == "…");
        let space = if shown.output.ends_with("\n\n") || shown.output == "\n" { "\n" } else { "" };
        really.push(match keeps {
            true => shown.clone(),
            false => Shown { output: format!("{output}{space}"), ..shown.clone() },
        });
    }
    if !types.is_empty() {
        faults.push(format!("{}:{}: no prompt for {types:?}", relative(path), block.line));
    }
    really
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    pages.extend(
        files(&root().join("guide"))
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "md")),
    );
    pages
}

/// Types the pages whose path has this in it.
fn type_pages(part: &str) {
    if !need::sources() || ["age", "bash", "git"].iter().any(|tool| !need::tool(tool)) {
        return;
    }
    let writes = std::env::var_os("FLUVIO_SECRET_WRITE_DOCUMENTS").is_some();
    let mut all = String::new();
    let pages: Vec<_> = pages().into_iter().filter(|path| relative(path).contains(part)).collect();
    assert!(!pages.is_empty(), "no page of {part}");
    for path in pages {
        let (faults, text) = type_page(&path);
        if writes && !faults.is_empty() {
            fs::write(&path, text).unwrap();
        }
        faults.iter().for_each(|fault| write!(all, "\n{fault}\n").unwrap());
    }
    assert!(all.is_empty(), "{all}");
}

#[test]
fn readme_shows_what_the_programs_print() {
    type_pages("README.md");
}

#[test]
fn the_start_of_the_guide_shows_what_the_programs_print() {
    type_pages("guide/src/start.md");
}

#[test]
fn the_tasks_of_the_guide_show_what_the_programs_print() {
    type_pages("guide/src/how-to/");
}

#[test]
fn the_reference_of_the_guide_shows_what_the_programs_print() {
    type_pages("guide/src/reference/");
}

#[test]
fn the_promises_of_the_guide_show_what_the_programs_print() {
    type_pages("guide/src/trust/");
}

/// Links that lead nowhere in a page.
fn dead_links(path: &Path, generated: &Page) -> Vec<String> {
    let page = Page::read(path);
    let is_local = |link: &&String| !link.contains("://") && !link.starts_with("mailto:");
    let is_dead = |link: &&String| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target =
            if file.is_empty() { path.to_owned() } else { path.with_file_name("").join(file) };
        let is_generated = target.ends_with(GENERATED);
        let anchors = match (is_generated, anchor.is_empty()) {
            (true, _) => &generated.anchors,
            (false, true) => return !target.exists(),
            (false, false) if !target.exists() => return true,
            (false, false) => &Page::read(&target).anchors,
        };
        !anchor.is_empty() && !anchors.iter().any(|known| known == anchor)
    };
    let dead = page.links.iter().filter(is_local).filter(is_dead);
    dead.map(|link| format!("{}: {link}", relative(path))).collect()
}

/// The page that is made when the guide is built.
const GENERATED: &str = "reference/commands.md";

#[test]
fn links_lead_to_pages_and_headings() {
    if !need::sources() {
        return;
    }
    let generated = Page::parse(fluvio_secret_manual::commands());
    let texts = files(root())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let dead: Vec<_> = texts.flat_map(|path| dead_links(&path, &generated)).collect();
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn each_page_of_the_guide_is_in_its_summary() {
    if !need::sources() {
        return;
    }
    let source = root().join("guide/src");
    let listed: BTreeSet<_> = Page::read(&source.join("SUMMARY.md")).links.into_iter().collect();
    let mut there: BTreeSet<_> = pages()
        .iter()
        .filter_map(|path| Some(path.strip_prefix(&source).ok()?.to_str()?.to_owned()))
        .collect();
    there.remove("SUMMARY.md");
    there.insert(GENERATED.to_owned());
    assert_eq!(listed, there);
}
