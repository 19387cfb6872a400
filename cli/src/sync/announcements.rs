//! The announcements on a topic. They are not encrypted, so that a machine that wants to join can read them.

use std::cmp::Reverse;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use serde::Deserialize;

use super::children::{ChildMessage, ConsumerChild};
use super::event::ConsumeFrom;
use super::fluvio::{FluvioProgram, no_answer};
use super::line;
use super::offsets::TopicOffsets;
use super::sync_error::SyncError;
use crate::error::CliError;

/// How long the consumer may be silent.
const ANNOUNCEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// The most announcements that are tried. Other programs may write to the topic.
const MOST_ANNOUNCEMENTS: usize = 10_000;

/// What looks like an announcement. The daemon says whether an admin has signed it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct ShownAnnouncement {
    pub(crate) bytes: Vec<u8>,
    /// The id of the vault that it is about.
    pub(crate) vault: String,
    pub(crate) topic: String,
    pub(crate) generation: u64,
    /// The version of the list of members then.
    members: u64,
}

/// The part of an announcement that says what it is about.
#[derive(Deserialize)]
struct AnnouncedTopic {
    vault: String,
    topic: String,
    generation: u64,
    members: u64,
}

/// Whether they are about other vaults only.
pub(crate) fn are_of_others(found: &[ShownAnnouncement], vault: &str) -> bool {
    !found.is_empty() && found.iter().all(|one| one.vault != vault)
}

/// Those on a topic, the newest generation first, and of each the one for the newest list of members.
pub(crate) fn read(
    fluvio: &FluvioProgram,
    topic: &str,
) -> Result<Vec<ShownAnnouncement>, CliError> {
    let mut offsets = TopicOffsets::default();
    offsets.begin();
    let mut found = Vec::new();
    read_part(fluvio, topic, ConsumeFrom::Beginning, &mut offsets, &mut found)?;
    while let Some(at) = offsets.gap() {
        read_part(fluvio, topic, ConsumeFrom::Rest(at), &mut offsets, &mut found)?;
        offsets.give_up(at);
    }
    found.sort_by_key(|one| Reverse((one.generation, one.members)));
    Ok(found)
}

fn read_part(
    fluvio: &FluvioProgram,
    topic: &str,
    from: ConsumeFrom,
    offsets: &mut TopicOffsets,
    found: &mut Vec<ShownAnnouncement>,
) -> Result<(), CliError> {
    let failed = |cause: String| SyncError::Call { what: format!("read the topic {topic}"), cause };
    let mark = line::new_mark(0);
    let (sender, messages) = sync_channel::<ChildMessage>(16);
    let command = fluvio.consumer(topic, &mark, from);
    let _consumer = ConsumerChild::start(command, 0, sender).map_err(CliError::System)?;
    loop {
        match messages.recv_timeout(ANNOUNCEMENT_TIMEOUT) {
            Ok(ChildMessage::Line { line, .. }) => {
                if let Some(offset) = line::offset(&line, &mark) {
                    offsets.read(offset, 0, true);
                }
                let announcement = parse(&line, &mark).filter(|one| !found.contains(one));
                found.extend(announcement.filter(|_| found.len() < MOST_ANNOUNCEMENTS));
            }
            Ok(ChildMessage::ConsumerEnded { failure: None, .. }) => return Ok(()),
            Ok(ChildMessage::ConsumerEnded { failure: Some(failure), .. }) => {
                return Err(failed(failure.cause).into());
            }
            Ok(ChildMessage::ProducerEnded { .. }) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Err(failed(no_answer().cause).into());
            }
        }
    }
}

/// Reads what looks like an announcement. Other documents of a vault are encrypted.
fn parse(line: &[u8], mark: &str) -> Option<ShownAnnouncement> {
    let (key, bytes) = line::plain_document(line, mark)?;
    let mut values = serde_json::Deserializer::from_slice(&bytes).into_iter::<AnnouncedTopic>();
    let AnnouncedTopic { vault, topic, generation, members } = values.next()?.ok()?;
    (vault == key).then_some(ShownAnnouncement { bytes, vault, topic, generation, members })
}

#[cfg(test)]
mod tests {
    use super::{ShownAnnouncement, are_of_others, parse, read};
    use crate::sync::fluvio::tests::script;
    use crate::sync::line::to_publish;

    fn line(key: &str, document: &str) -> String {
        let line = String::from_utf8(to_publish(key, document.as_bytes())).expect("text");
        format!("m 7 {}", line.trim_end().replace('\t', " "))
    }

    const DOCUMENT: &str = r#"{"format":1,"vault":"v","topic":"t","generation":3,"members":2,"key":"k"}
signature"#;

    #[test]
    fn an_announcement_is_recognized_and_nothing_else() {
        let found = parse(line("v", DOCUMENT).as_bytes(), "m").expect("an announcement");
        let bytes = DOCUMENT.as_bytes().to_vec();
        let (vault, topic) = ("v".to_owned(), "t".to_owned());
        assert_eq!(found, ShownAnnouncement { bytes, vault, topic, generation: 3, members: 2 });
        for (key, document) in
            [("w", DOCUMENT), ("v", "age-encryption.org/v1"), ("v", "{}"), ("v", "{"), ("v", "")]
        {
            assert_eq!(parse(line(key, document).as_bytes(), "m"), None, "{key} {document}");
        }
        assert_eq!(parse(line("v", DOCUMENT).as_bytes(), "n"), None);
    }

    #[test]
    fn a_topic_is_read_to_its_end() {
        let made = tempfile::tempdir().expect("a directory");
        // The format is the fourth word, and its mark is the first one in it.
        let value = line("v", DOCUMENT);
        let value = value.strip_prefix("m ").expect("a mark");
        let text = format!("for i in 1 2; do echo \"${{4%% *}} {value}\"; echo x; done");
        let found = read(&script(made.path(), &text), "t").expect("a topic");
        assert_eq!(found.len(), 1, "the same one twice");
        let later = line("v", &DOCUMENT.replace("\"members\":2", "\"members\":12"));
        let later = later.strip_prefix("m ").expect("a mark");
        let text = format!("{text}; echo \"${{4%% *}} {later}\"");
        let members = read(&script(made.path(), &text), "t").expect("a topic").into_iter();
        assert_eq!(members.map(|one| one.members).collect::<Vec<_>>(), [12, 2]);
        assert!(are_of_others(&found, "w"));
        assert!(!are_of_others(&found, "v") && !are_of_others(&[], "w"));
        let failing = script(made.path(), "echo no >&2; exit 1");
        let error = read(&failing, "t").expect_err("an error");
        assert_eq!(error.to_string(), "cannot read the topic t: no");
    }
}
