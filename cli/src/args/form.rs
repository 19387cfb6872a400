//! The form of a result.

use clap::{Args, ValueEnum};

/// The form of a result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

/// The form of the audit log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Table,
    /// For programs: one object for each line
    Json,
}

/// The rules by which `import` reads a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FileFormat {
    /// As connectors read a secrets file: quotes are part of a value
    Secrets,
    /// As programs read a .env file: quotes and comments are removed
    Dotenv,
}

/// The form of what `doctor` finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DoctorForm {
    /// One line for each look, or the same for programs.
    Looks(Format),
    /// A text for who is told of a bug.
    Report,
}

/// The option for it.
#[derive(Args, Debug)]
pub(crate) struct TypedFormat {
    /// The form of the result
    #[arg(
        short = 'O',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    pub(crate) format: Format,
}
