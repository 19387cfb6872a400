//! `fluvio topic`.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::Outcome;
use crate::log::Cluster;

const LONGEST_NAME: usize = 63;
const DEFAULT_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[derive(Subcommand)]
pub(crate) enum Topic {
    Create(Create),
    Delete {
        #[arg(required = true)]
        names: Vec<String>,
    },
    List {
        #[arg(short = 'O', long, value_enum, ignore_case = true, default_value_t)]
        output: Output,
    },
}

#[derive(Args)]
pub(crate) struct Create {
    name: String,
    #[arg(long, value_parser = humantime::parse_duration)]
    retention_time: Option<Duration>,
    #[arg(short, long, default_value = "1", value_parser = ["1"])]
    partitions: String,
    #[arg(short, long, default_value = "1", value_parser = ["1"])]
    replication: String,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Table,
    Yaml,
    Json,
}

impl Topic {
    pub(crate) fn run(self, cluster: &Cluster) -> Outcome {
        match self {
            Self::Create(create) => create.run(cluster),
            Self::Delete { names } => names.iter().try_for_each(|name| delete(cluster, name)),
            Self::List { output } => list(cluster, output),
        }
    }
}

impl Create {
    fn run(&self, cluster: &Cluster) -> Outcome {
        let name = &self.name;
        check_name(name)
            .map_err(|reason| format!("Invalid argument: Invalid Topic name {name}. {reason}"))?;
        let _lock = cluster.lock().map_err(|error| error.to_string())?;
        let topic = cluster.topic(name);
        if topic.exists() {
            return Err("Topic already exists".into());
        }
        let retention = self.retention_time.unwrap_or(DEFAULT_RETENTION).as_secs();
        // Once renamed, the topic is there with all that belongs to it.
        let made = kept(cluster, name);
        fs::create_dir_all(&made)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(made.join("records")))
            .and_then(|_| fs::write(made.join("retention"), retention.to_string()))
            .and_then(|()| fs::rename(&made, &topic))
            .map_err(|error| error.to_string())?;
        println!("topic \"{name}\" created");
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), String> {
    if name.len() > LONGEST_NAME {
        return Err(format!("Name exceeds max characters allowed {LONGEST_NAME}"));
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(fits) || name.starts_with('-') || name.ends_with('-') {
        return Err("Contain only lowercase alphanumeric characters or '-'".into());
    }
    Ok(())
}

/// Where the records stay of a topic that was deleted while the SPU was away.
fn kept(cluster: &Cluster, name: &str) -> PathBuf {
    cluster.topics().join(format!(".{name}"))
}

fn delete(cluster: &Cluster, name: &str) -> Outcome {
    let _lock = cluster.lock().map_err(|error| error.to_string())?;
    let topic = cluster.topic(name);
    if check_name(name).is_err() || !topic.exists() {
        return Err("Topic not found".into());
    }
    let deleted = match cluster.faults().has_records() {
        true => fs::remove_dir_all(topic),
        false => fs::rename(topic, kept(cluster, name)),
    };
    deleted.map_err(|error| error.to_string())?;
    println!("topic \"{name}\" deleted");
    Ok(())
}

fn list(cluster: &Cluster, output: Output) -> Outcome {
    let entries = fs::read_dir(cluster.topics()).map_err(|error| error.to_string())?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| check_name(name).is_ok()).collect();
    names.sort();
    if names.is_empty() {
        println!("No topics found");
        return Ok(());
    }
    let topics: Vec<_> = names.iter().map(|name| describe(cluster, name)).collect();
    match output {
        Output::Table => {
            println!("  NAME  RETENTION TIME ");
            names.iter().zip(&topics).for_each(|(name, topic)| {
                println!(
                    "  {name}  {} ",
                    topic["spec"]["cleanupPolicy"]["segment"]["timeInSeconds"]
                );
            });
        }
        // Fluvio's YAML has the same fields; JSON is YAML.
        Output::Json | Output::Yaml => {
            println!(
                "{}",
                serde_json::to_string_pretty(&topics).map_err(|error| error.to_string())?
            );
        }
    }
    Ok(())
}

fn describe(cluster: &Cluster, name: &str) -> Value {
    let retention = fs::read_to_string(cluster.topic(name).join("retention"));
    let seconds: u64 = retention.ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    json!({
        "name": name,
        "spec": {
            "replicas": {"computed": {"partitions": 1, "replicationFactor": 1}},
            "cleanupPolicy": {"segment": {"timeInSeconds": seconds}},
            "compressionType": "Any",
            "system": false,
        },
        "status": {"resolution": "Provisioned", "replicaMap": {"0": [5001]}, "reason": ""},
    })
}
