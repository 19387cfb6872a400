//! A page of documentation, and what its blocks of commands do when they are typed.
//!
//! Comments before a block say what the reader does not need to see: `<!-- file: NAME -->` writes the block to a file,
//! `<!-- types: WORDS -->` answers a prompt, `<!-- fails -->` expects the last command to fail, and
//! `<!-- not-run: REASON -->` leaves the block out. `<!-- setup: COMMAND -->` runs a command between blocks.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use regex_lite::Regex;

/// What a page does, in its order.
#[derive(Debug)]
pub(crate) enum Step {
    /// A file that is shown and written.
    File {
        name: String,
        text: String,
    },
    NotRun {
        line: usize,
        reason: String,
    },
    Setup {
        line: usize,
        command: String,
    },
    Commands(Block),
}

/// A block of commands.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) line: usize,
    /// Where its text is in the page.
    pub(crate) range: Range<usize>,
    pub(crate) commands: Vec<Shown>,
    /// What is typed at the prompts.
    pub(crate) types: Vec<String>,
    /// Whether the last command fails.
    pub(crate) fails: bool,
    /// Whether the output is shown, so that it can be compared.
    pub(crate) has_output: bool,
}

/// A command, and the output that the page shows for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Shown {
    /// Its lines.
    pub(crate) command: String,
    pub(crate) output: String,
}

/// A Markdown page.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) links: Vec<String>,
    /// What a link can name in it.
    pub(crate) anchors: Vec<String>,
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self::parse(text)
    }

    pub(crate) fn parse(text: String) -> Self {
        let (mut steps, mut links, mut anchors) = (Vec::new(), Vec::new(), Vec::new());
        let mut notes: Vec<String> = Vec::new();
        let (mut code, mut heading) = (None, None);
        for (event, range) in Parser::new(&text).into_offset_iter() {
            let line = text[..range.start].matches('\n').count() + 1;
            match event {
                Event::Html(html) => {
                    let comment =
                        html.trim().strip_prefix("<!--").and_then(|c| c.strip_suffix("-->"));
                    let Some(comment) = comment.map(str::trim) else { continue };
                    match comment.strip_prefix("setup:") {
                        Some(command) => {
                            steps.push(Step::Setup { line, command: command.trim().to_owned() });
                        }
                        None if is_note(comment) => notes.push(comment.to_owned()),
                        None => {}
                    }
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    code = Some((language.to_string(), range.start..range.start));
                }
                Event::Text(_) if code.is_some() => {
                    let (_, inside) = code.as_mut().unwrap();
                    if Range::is_empty(inside) {
                        inside.start = range.start;
                    }
                    inside.end = range.end;
                }
                Event::End(TagEnd::CodeBlock) => {
                    if let Some((language, inside)) = code.take() {
                        steps.extend(step(
                            &text,
                            &language,
                            inside,
                            line,
                            &std::mem::take(&mut notes),
                        ));
                    }
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => heading
                    .take()
                    .into_iter()
                    .for_each(|heading| add_anchor(&heading, &mut anchors)),
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(dest_url.to_string());
                }
                Event::Start(Tag::Paragraph) => {
                    assert!(notes.is_empty(), "line {line}: {notes:?} is not before a block");
                }
                _ => {}
            }
        }
        Self { steps, links, anchors, text }
    }
}

/// Whether a comment is about the block after it.
fn is_note(comment: &str) -> bool {
    ["fails", "file:", "not-run:", "types:"].iter().any(|word| comment.starts_with(word))
}

/// What a block of code does, with the notes before it.
fn step(
    text: &str,
    language: &str,
    range: Range<usize>,
    line: usize,
    notes: &[String],
) -> Option<Step> {
    let after = |name: &'static str| notes.iter().filter_map(move |note| note.strip_prefix(name));
    let code = &text[range.clone()];
    if let Some(reason) = after("not-run:").next() {
        return Some(Step::NotRun { line, reason: reason.trim().to_owned() });
    }
    if let Some(name) = after("file:").next() {
        return Some(Step::File { name: name.trim().to_owned(), text: code.to_owned() });
    }
    let commands = match language {
        "console" => shown(code),
        "sh" => code
            .lines()
            .map(|line| Shown { command: line.to_owned(), output: String::new() })
            .collect(),
        _ => return None,
    };
    let types = after("types:").map(|words| words.trim().to_owned()).collect();
    let fails = notes.iter().any(|note| note == "fails");
    Some(Step::Commands(Block {
        line,
        range,
        commands,
        types,
        fails,
        has_output: language == "console",
    }))
}

/// The commands of a session, each with its output.
fn shown(code: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for line in code.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => {
                commands.push(Shown { command: command.to_owned(), output: String::new() });
            }
            (None, Some(last)) => {
                match line.strip_prefix("> ").filter(|_| last.output.is_empty()) {
                    Some(more) => last.command.extend(["\n", more]),
                    None => last.output.extend([line, "\n"]),
                }
            }
            (None, None) => panic!("a session begins with a command: {line}"),
        }
    }
    commands
}

/// The text of a session.
pub(crate) fn session(commands: &[Shown]) -> String {
    let one =
        |shown: &Shown| format!("$ {}\n{}", shown.command.replace('\n', "\n> "), shown.output);
    commands.iter().map(one).collect()
}

/// Adds what a link calls a heading, as mdBook and GitHub make it: a second one of the same words has a number.
fn add_anchor(heading: &str, anchors: &mut Vec<String>) {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " _-".contains(*c));
    let anchor: String =
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
    let numbered = (1..).map(|number| format!("{anchor}-{number}"));
    let free = std::iter::once(anchor.clone()).chain(numbered).find(|one| !anchors.contains(one));
    anchors.extend(free);
}

/// Whether an output matches the one on the page, except for what differs in each run. A line `…` stands for any
/// number of lines.
pub(crate) fn is_shown(shown: &str, output: &str) -> bool {
    let (shown, output) = (general(shown), general(output));
    let (shown, output): (Vec<_>, Vec<_>) = (shown.lines().collect(), output.lines().collect());
    matches(&shown, &output)
}

fn matches(shown: &[&str], output: &[&str]) -> bool {
    match shown {
        [] => output.is_empty(),
        ["…", rest @ ..] => (0..=output.len()).any(|skipped| matches(rest, &output[skipped..])),
        [first, rest @ ..] => output
            .split_first()
            .is_some_and(|(line, others)| line == first && matches(rest, others)),
    }
}

/// A text without what differs in each run: dates, times, processes, keys, and the width of columns.
pub(crate) fn general(text: &str) -> String {
    static DIFFERENT: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let all = [
            (r"\d\d-\d\d-\d{4} +\d{1,2}:\d\d[ap]m", "DATE"),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?", "TIME"),
            (r"\b(age1|AGE-SECRET-KEY-1)[0-9a-zA-Z]+", "KEY"),
            (r"\b[0-9a-f]{12,64}\b", "ID"),
            (r"\b[0-9]+(\.[0-9]+)? ?(ms|s|MiB|KiB)\b", "MEASURE"),
            (r"\b[0-9]{2,7}\b", "N"),
            // What the tests were started from.
            (r#""asked_by":\[[^]\n]*\]"#, r#""asked_by":[NAMES]"#),
            (r"--{2,}", "--"),
            (r" {2,}", "  "),
            (r" +\n", "\n"),
        ];
        all.into_iter().map(|(what, name)| (Regex::new(what).unwrap(), name)).collect()
    });
    DIFFERENT
        .iter()
        .fold(format!("{text}\n"), |text, (what, name)| what.replace_all(&text, *name).into_owned())
}

#[test]
fn a_page_is_its_files_commands_and_links() {
    let text = "\
# One *two*

# One two

See [this](other.md#there).

<!-- file: a.yaml -->
```yaml
a: 1
```
<!-- setup: mkdir x -->
<!-- types: secret words -->
<!-- fails -->
```console
$ first \\
> second
output 1234

$ third
```
<!-- not-run: needs a browser -->
```sh
open
```
";
    let page = Page::parse(text.to_owned());
    assert_eq!(
        (&*page.anchors, &*page.links),
        (&["one-two".to_owned(), "one-two-1".to_owned()][..], &["other.md#there".to_owned()][..])
    );
    let [
        Step::File { name, text: file },
        Step::Setup { command, .. },
        Step::Commands(block),
        Step::NotRun { line: 22, .. },
    ] = &page.steps[..]
    else {
        panic!("{:?}", page.steps)
    };
    assert_eq!((&**name, &**file, &**command), ("a.yaml", "a: 1\n", "mkdir x"));
    assert_eq!(
        block.commands[0],
        Shown { command: "first \\\nsecond".to_owned(), output: "output 1234\n\n".to_owned() }
    );
    assert!(block.fails && block.types == ["secret words"], "{block:?}");
    assert_eq!(session(&block.commands), text[block.range.clone()]);
}

#[test]
fn an_output_is_compared_without_what_differs_in_each_run() {
    let shown = "A  11-23-2026 9:26pm\n…\npid 4260, done\n";
    assert!(is_shown(shown, "A    01-02-2027 10:05am\nmore\nlines\npid 77, done\n"));
    assert!(is_shown(shown, "A  01-02-2027 10:05am\npid 123456, done\n"));
    assert!(!is_shown(shown, "A  01-02-2027 10:05am\npid 123456, failed\n"));
    assert!(!is_shown(shown, "B  01-02-2027 10:05am\npid 77, done\n"));
    assert!(!is_shown("one\n", "one\ntwo\n"));
}
