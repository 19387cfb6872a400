//! The fields of a configuration that Fluvio reads, with their types.

#![allow(dead_code, reason = "the fields are read only to check them")]

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use fluvio_secret_protocol::{BadName, SecretName};
use serde::Deserialize;
use serde::de::{self, Deserializer, Error};
use serde_yaml::Value;

#[derive(Deserialize)]
pub(super) enum FluviosVersion {
    #[serde(rename = "0.0.0")]
    V0,
    #[serde(rename = "0.1.0")]
    V1,
    #[serde(rename = "0.2.0")]
    V2,
}

#[derive(Deserialize)]
pub(super) struct Config<Topic> {
    meta: Meta<Topic>,
    #[serde(default)]
    transforms: Vec<Transform>,
}

#[derive(Deserialize)]
struct Meta<Topic> {
    name: String,
    r#type: String,
    topic: Topic,
    version: String,
    producer: Option<Producer>,
    consumer: Option<Consumer>,
    secrets: Option<Vec<DeclaredSecret>>,
}

#[derive(Deserialize)]
struct DeclaredSecret {
    name: DeclaredName,
}

#[derive(Deserialize)]
struct Producer {
    linger: Option<HumanDuration>,
    compression: Option<Compression>,
    #[serde(rename = "batch-size", alias = "batch_size")]
    batch_size: Option<ByteSize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Consumer {
    #[serde(default)]
    partition: Partitions,
    #[serde(alias = "max_bytes")]
    max_bytes: Option<ByteSize>,
    id: Option<String>,
    offset: Option<Offset>,
}

/// `all`, a number, or a list of numbers.
#[derive(Default, Deserialize)]
#[serde(try_from = "Value")]
struct Partitions;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Offset {
    start: Option<OffsetStart>,
    strategy: Strategy,
    /// As serde has it: a map of seconds and nanoseconds.
    flush_period: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Strategy {
    None,
    Manual,
    Auto,
}

/// `beginning`, `end`, or a map of one of three keys with a number.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct OffsetStart;

#[derive(Deserialize)]
struct Transform {
    uses: String,
    lookback: Option<Lookback>,
    #[serde(default)]
    with: BTreeMap<String, Parameter>,
}

#[derive(Deserialize)]
struct Lookback {
    #[serde(default)]
    last: u64,
    age: Option<HumanDuration>,
}

/// A text, a list or a map: what becomes JSON. A bare number or truth value does not.
struct Parameter;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Topic {
    #[serde(default)]
    version: String,
    meta: TopicMeta,
    #[serde(default)]
    partition: TopicPartition,
    #[serde(default)]
    retention: Retention,
    #[serde(default)]
    compression: TopicCompression,
    deduplication: Option<Deduplication>,
}

#[derive(Deserialize)]
struct TopicMeta {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct TopicPartition {
    count: Option<u32>,
    max_size: Option<ByteSize>,
    replication: Option<u32>,
    ignore_rack_assignment: Option<bool>,
    maps: Option<Vec<PartitionMap>>,
}

#[derive(Deserialize)]
struct PartitionMap {
    id: u32,
    replicas: Vec<i32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Retention {
    time: Option<HumanDuration>,
    segment_size: Option<ByteSize>,
}

#[derive(Default, Deserialize)]
struct TopicCompression {
    #[serde(default)]
    r#type: TopicAlgorithm,
}

/// Written with a capital, other than the compression of a producer.
#[derive(Default, Deserialize)]
enum TopicAlgorithm {
    None,
    Gzip,
    Snappy,
    Lz4,
    #[default]
    Any,
    Zstd,
}

#[derive(Deserialize)]
struct Deduplication {
    bounds: Bounds,
    filter: Filter,
}

#[derive(Deserialize)]
struct Bounds {
    count: std::num::NonZeroU64,
    age: Option<HumanDuration>,
}

#[derive(Deserialize)]
struct Filter {
    transform: FilterTransform,
}

#[derive(Deserialize)]
struct FilterTransform {
    uses: String,
    #[serde(default)]
    with: BTreeMap<String, String>,
}

/// A secret's name. Fluvio does not limit its length.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct DeclaredName;

impl TryFrom<String> for DeclaredName {
    type Error = BadName;

    fn try_from(name: String) -> Result<Self, BadName> {
        match name.parse::<SecretName>() {
            Ok(_) | Err(BadName::Long) => Ok(Self),
            Err(why) => Err(why),
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct HumanDuration;

impl TryFrom<String> for HumanDuration {
    type Error = humantime::DurationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        humantime::parse_duration(&text).map(|_| Self)
    }
}

fn is_u32(value: &Value) -> bool {
    value.as_u64().is_some_and(|number| u32::try_from(number).is_ok())
}

impl TryFrom<Value> for Partitions {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, &'static str> {
        match value {
            Value::String(text) if text == "all" => Ok(Self),
            Value::Sequence(values) if values.iter().all(is_u32) => Ok(Self),
            value if is_u32(&value) => Ok(Self),
            _ => Err("no partitions"),
        }
    }
}

impl TryFrom<Value> for OffsetStart {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, &'static str> {
        let is_start = match &value {
            Value::String(text) => text == "beginning" || text == "end",
            Value::Mapping(map) if map.len() == 1 => {
                let is_count = |key: &&str| map.get(*key).is_some_and(is_u32);
                map.get("absolute").is_some_and(Value::is_i64)
                    || ["from-beginning", "from-end"].iter().any(is_count)
            }
            _ => false,
        };
        if is_start { Ok(Self) } else { Err("no start") }
    }
}

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Parameter;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string, a list or a map")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Parameter, E> {
                Ok(Parameter)
            }

            fn visit_map<M: de::MapAccess<'de>>(self, map: M) -> Result<Parameter, M::Error> {
                let map = de::value::MapAccessDeserializer::new(map);
                serde_json::Value::deserialize(map).map(|_| Parameter)
            }

            fn visit_seq<S: de::SeqAccess<'de>>(self, seq: S) -> Result<Parameter, S::Error> {
                let seq = de::value::SeqAccessDeserializer::new(seq);
                serde_json::Value::deserialize(seq).map(|_| Parameter)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
