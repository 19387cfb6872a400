//! Everything that a person reads is plain American English: words that have no good use here do not stand in
//! comments, messages, helps, manual pages and documents.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

use proc_macro2::{Span, TokenStream, TokenTree};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::harness::need;
use crate::harness::product::without_tests;
use crate::harness::sources::{files, relative, root};

/// Words, and what to write instead of them.
struct Avoided {
    /// Alternatives, each a word or a phrase.
    words: &'static [&'static str],
    instead: &'static str,
    /// Phrases with one of the words that are good English.
    unless: &'static [&'static str],
    /// Files that may use the words. Each has its reason beside it.
    except: &'static [&'static str],
}

const fn avoid(words: &'static [&'static str], instead: &'static str) -> Avoided {
    Avoided { words, instead, unless: &[], except: &[] }
}

/// The table: a new word is one line.
const AVOIDED: &[Avoided] = &[
    avoid(&["mend", "mends", "mended", "mending", "unmended"], "fix"),
    avoid(&["anew"], "again, or re- as in re-encrypt"),
    avoid(&["meanwhile"], "in the meantime, or nothing"),
    Avoided {
        unless: &["blank line", "blank lines"],
        ..avoid(&["blank", "blanks"], "space, or whitespace")
    },
    avoid(&["is none", "are none"], "isn't a, there is no"),
    Avoided {
        unless: &["what is no longer", "that is no longer", "which is no longer"],
        ..avoid(&["what is no", "that is no", "which is no"], "isn't a")
    },
    avoid(&["who loses", "whoever"], "if you, or the noun"),
    avoid(&["somebody", "nobody"], "you, another user, or the noun"),
    avoid(&["is asked for", "are asked for", "was asked for"], "you are prompted for"),
    avoid(&["told", "tells"], "reported, prints, warns, distinguishes"),
    avoid(&["says so", "say so", "said so"], "reports it, warns"),
    avoid(&["goes on", "go on", "going on", "went on"], "continue, keep running"),
    avoid(&["so many", "so long", "so often"], "a number, a duration, a count"),
    avoid(&["by the environment"], "as environment variables"),
    avoid(&["also when"], "even if"),
    avoid(&["stands in front of"], "wraps, comes first on PATH"),
    avoid(&["leads to", "leads there", "lead to"], "points to"),
    avoid(&["folder", "folders"], "directory"),
    avoid(&["for ever"], "forever"),
    Avoided {
        // A file in memory has them, see `memfd_create(2)`.
        except: &["shim/src/memfd.rs"],
        ..avoid(&["seal", "seals", "sealed", "sealing", "unsealed"], "encrypt")
    },
    avoid(&["behaviour", "colour", "favour", "honour", "licence"], "American spelling"),
];

/// Text for people, in words: where it is, and each word with its line.
struct Passage {
    path: String,
    words: Vec<(usize, String)>,
}

impl Passage {
    fn new(path: &str) -> Self {
        Self { path: path.to_owned(), words: Vec::new() }
    }

    /// Adds a line, without the code in it.
    fn push(&mut self, line: usize, text: &str) {
        // A name of the code is changed where it is defined.
        let prose =
            text.split('`').enumerate().map(|(i, part)| if i % 2 == 0 { part } else { "`" });
        for word in prose.flat_map(words) {
            self.words.push((line, word));
        }
    }

    /// The line of each place with this phrase.
    fn lines_with(&self, phrase: &str) -> impl Iterator<Item = (usize, usize)> {
        let phrase = words(phrase);
        let all = self.words.windows(phrase.len()).enumerate();
        all.filter(move |(_, window)| window.iter().map(|(_, word)| word).eq(&phrase))
            .map(|(at, window)| (at, window[0].0))
    }
}

/// The words of a text in lower case. What ends a sentence or a part of it is one, too.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars() {
        if c.is_alphanumeric() || "'_-".contains(c) {
            words.last_mut().unwrap().extend(c.to_lowercase());
        } else {
            words.push(if c.is_whitespace() { String::new() } else { c.to_string() });
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What is wrong in these passages by the table.
fn faults(passages: &[Passage]) -> BTreeSet<String> {
    let mut faults = BTreeSet::new();
    for passage in passages {
        for avoided in AVOIDED.iter().filter(|avoided| !avoided.except.contains(&&*passage.path)) {
            let fine: BTreeSet<_> =
                avoided.unless.iter().flat_map(|phrase| passage.lines_with(phrase)).collect();
            for word in avoided.words {
                for place in passage.lines_with(word).filter(|place| !fine.contains(place)) {
                    let (path, instead) = (&passage.path, avoided.instead);
                    faults.insert(format!("{path}:{}: {word:?}, better: {instead}", place.1));
                }
            }
        }
    }
    faults
}

/// The comments of a file, if it is of a kind that has some: those on adjacent lines together. And all of a script.
fn comments(path: &Path) -> Vec<Passage> {
    let name = path.file_name().unwrap().to_str().unwrap_or_default();
    let lines = match name.rsplit('.').next().unwrap() {
        "rs" => rust_comments(&fs::read_to_string(path).unwrap()),
        "service" | "socket" | "toml" => hash_comments(&fs::read_to_string(path).unwrap()),
        // What a script prints is in its commands.
        "bash" | "sh" | "run" => {
            let script = fs::read_to_string(path).unwrap();
            script.lines().enumerate().map(|(i, line)| (i + 1, line.to_owned())).collect()
        }
        _ => Vec::new(),
    };
    let mut passages: Vec<Passage> = Vec::new();
    let mut last = None;
    for (line, text) in lines {
        if last.is_none_or(|last| last + 1 != line) {
            passages.push(Passage::new(&relative(path)));
        }
        passages.last_mut().unwrap().push(line, &text);
        last = Some(line);
    }
    passages
}

/// The lines of Rust source that are comments, doc comments too: all that is between the tokens, as Markdown.
fn rust_comments(source: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    let stream: TokenStream = source.parse().unwrap();
    token_ranges(source, stream, &mut tokens);
    let mut between = source.as_bytes().to_vec();
    for range in tokens {
        between[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    let text = String::from_utf8(between).unwrap();
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim_start()));
    let comments = lines.filter(|(_, line)| !line.is_empty());
    let plain = comments.map(|(i, line)| {
        let line = line.trim_start_matches(['/', '!']);
        (i, line.strip_prefix(' ').unwrap_or(line).to_owned())
    });
    plain.collect()
}

/// The string literals of a program's source, without its tests.
fn literals(path: &Path) -> Vec<Passage> {
    const FOR_TESTS: [&str; 4] = ["benches/", "fuzz/", "tests/", "/tests"];
    let shown = relative(path);
    let is_of_tests = FOR_TESTS.iter().any(|part| match part.strip_prefix('/') {
        Some(_) => shown.contains(part),
        None => shown.starts_with(part),
    });
    if path.extension().is_none_or(|extension| extension != "rs") || is_of_tests {
        return Vec::new();
    }
    let (source, _) = without_tests(&fs::read_to_string(path).unwrap());
    let mut tokens = Vec::new();
    token_ranges(&source, source.parse().unwrap(), &mut tokens);
    let literals = tokens.into_iter().filter_map(|range| {
        let literal = syn::parse_str::<syn::LitStr>(&source[range.clone()]).ok()?;
        let mut passage = Passage::new(&shown);
        passage.push(source[..range.start].lines().count(), &literal.value());
        Some(passage)
    });
    literals.collect()
}

/// The prose of a document or of a manual page, without blocks of code.
fn document(path: &Path) -> Option<Passage> {
    let shown = relative(path);
    let is_manual = shown.starts_with("packaging/man/text/");
    if !is_manual && path.extension().is_none_or(|extension| extension != "md") {
        return None;
    }
    let mut is_code = false;
    let text = fs::read_to_string(path).unwrap();
    let prose = text.lines().map(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if is_code || is_fence { "" } else { line }
    });
    Some(passage(&shown, &prose.collect::<Vec<_>>().join("\n")))
}

fn passage(path: &str, text: &str) -> Passage {
    let mut passage = Passage::new(path);
    text.lines().enumerate().for_each(|(i, line)| passage.push(i + 1, line));
    passage
}

/// Where the tokens are, without doc comments, which are attributes to a parser.
fn token_ranges(source: &str, stream: TokenStream, ranges: &mut Vec<Range<usize>>) {
    let is_doc = |span: Span| source[span.byte_range()].starts_with("//");
    for tree in stream.into_iter().filter(|tree| !is_doc(tree.span())) {
        if let TokenTree::Group(group) = tree {
            ranges.extend([group.span_open().byte_range(), group.span_close().byte_range()]);
            token_ranges(source, group.stream(), ranges);
        } else {
            ranges.push(tree.span().byte_range());
        }
    }
}

/// The lines of a script or a configuration that are comments, whole or at their end.
fn hash_comments(source: &str) -> Vec<(usize, String)> {
    let comment = |line: &str| {
        let starts = line.match_indices('#').map(|(at, _)| at);
        let mut outside = starts.filter(|&at| {
            let before = &line[..at];
            let is_in_quotes =
                ['"', '\''].iter().any(|&quote| before.matches(quote).count() % 2 == 1);
            !is_in_quotes && (before.is_empty() || before.ends_with(' '))
        });
        outside.next().map(|at| line[at + 1..].trim().to_owned())
    };
    let lines = source.lines().enumerate();
    lines.filter_map(|(i, line)| Some((i + 1, comment(line)?))).collect()
}

#[test]
fn comments_have_none_of_the_words_to_avoid() {
    if !need::sources() {
        return;
    }
    let passages: Vec<_> = files(root()).iter().flat_map(|path| comments(path)).collect();
    assert_plain(&passages);
}

#[test]
fn messages_have_none_of_the_words_to_avoid() {
    if !need::sources() {
        return;
    }
    let passages: Vec<_> = files(root()).iter().flat_map(|path| literals(path)).collect();
    assert!(passages.len() > 1000, "{}", passages.len());
    assert_plain(&passages);
}

#[test]
fn documents_have_none_of_the_words_to_avoid() {
    if !need::sources() {
        return;
    }
    let passages: Vec<_> = files(root()).iter().filter_map(|path| document(path)).collect();
    assert!(passages.len() > 20, "{}", passages.len());
    assert_plain(&passages);
}

/// The most words of a sentence.
const SENTENCE_WORDS: usize = 25;

/// The sentences of a document that are too long. What follows a colon counts as another one.
fn long_sentences(text: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut is_code = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            Event::Text(text) if !is_code => prose += &text,
            Event::Code(_) => prose += "code",
            Event::SoftBreak => prose += " ",
            Event::End(end) if !is_inline(end) => prose += "\n",
            _ => {}
        }
    }
    let ends = |c: char| ".!?:".contains(c);
    let mut long = Vec::new();
    for line in prose.lines() {
        let mut sentence = Vec::new();
        for word in line.split_whitespace() {
            sentence.push(word);
            if word.trim_end_matches([')', '"']).ends_with(ends) {
                long.extend((sentence.len() > SENTENCE_WORDS).then(|| sentence.join(" ")));
                sentence.clear();
            }
        }
        long.extend((sentence.len() > SENTENCE_WORDS).then(|| sentence.join(" ")));
    }
    long
}

fn is_inline(end: TagEnd) -> bool {
    matches!(end, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link | TagEnd::Image)
}

#[test]
fn sentences_are_short() {
    if !need::sources() {
        return;
    }
    let mut long = Vec::new();
    let mut look_at = |path: &Path, text: &str| {
        let found = long_sentences(text).into_iter();
        long.extend(found.map(|sentence| format!("{}: {sentence}", relative(path))));
    };
    for path in files(root()) {
        let text = || fs::read_to_string(&path).unwrap();
        match path.extension().and_then(|end| end.to_str()) {
            Some("md") => look_at(&path, &text()),
            Some("rs") => {
                comment_blocks(&text()).iter().for_each(|block| look_at(&path, block));
            }
            _ => {}
        }
    }
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

/// The comments of Rust source: those on adjacent lines together.
fn comment_blocks(source: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut last = None;
    for (line, text) in rust_comments(source) {
        if last.is_none_or(|last| last + 1 != line) {
            blocks.push(String::new());
        }
        *blocks.last_mut().unwrap() += &(text + "\n");
        last = Some(line);
    }
    blocks
}

#[test]
fn helps_have_none_of_the_words_to_avoid() {
    let mut commands = vec![fluvio_secret_cli::command_line()];
    commands[0].build();
    let mut passages = Vec::new();
    while let Some(mut command) = commands.pop() {
        let name = command.get_bin_name().unwrap_or_default().to_owned();
        let help = command.render_long_help().to_string();
        passages.push(passage(&format!("{name} --help"), &help));
        commands.extend(command.get_subcommands().cloned());
    }
    assert_plain(&passages);
}

fn assert_plain(passages: &[Passage]) {
    let faults: Vec<_> = faults(passages).into_iter().collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_words_are_found_in_comments_and_not_in_code() {
    let source = "\
//! A module that mends.
/* in a block: meanwhile */
/// What is
/// no file is *told* `told`, a blank line. What is. None
fn told() { let anew = \"somebody // nobody\"; } // goes on
/// Nor is no longer: that is no longer.
fn other() {}
";
    let mut passage = Passage::new("a.rs");
    rust_comments(source).iter().for_each(|(line, text)| passage.push(*line, text));
    let found: Vec<_> = faults(&[passage]).into_iter().collect();
    let expected = [
        "a.rs:1: \"mends\", better: fix",
        "a.rs:2: \"meanwhile\", better: in the meantime, or nothing",
        "a.rs:3: \"what is no\", better: isn't a",
        "a.rs:4: \"told\", better: reported, prints, warns, distinguishes",
        "a.rs:5: \"goes on\", better: continue, keep running",
    ];
    assert_eq!(found, expected);
    let script = "#!/bin/sh\n# meanwhile\nx='a # told'  # anew\n${#x}\n";
    let comments = hash_comments(script).into_iter().map(|(line, text)| format!("{line} {text}"));
    assert_eq!(comments.collect::<Vec<_>>(), ["1 !/bin/sh", "2 meanwhile", "3 anew"]);
}
