//! Dates: in local time for people, in UTC for programs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time in seconds since 1970, in the time zone of this process.
pub(crate) fn local(seconds: i64) -> String {
    in_zone(seconds, TimeZone::system(), "%F %H:%M")
}

/// The same as the cloud's `list` prints it: `12-10-2022 1:07pm`.
pub(crate) fn cloud(seconds: i64) -> String {
    in_zone(seconds, TimeZone::system(), CLOUD)
}

const CLOUD: &str = "%m-%d-%Y %-I:%M%P";

/// A time in seconds since 1970, for programs: RFC 3339, in UTC.
pub(crate) fn rfc3339(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

/// A time of a log, in the time zone of this process, with its seconds.
pub(crate) fn precise(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%F %T").to_string()
}

fn in_zone(seconds: i64, zone: TimeZone, format: &str) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.to_zoned_datetime(zone).strftime(format).to_string(),
        // A file of the vault may have any date; one that no calendar has is no reason to fail.
        Err(_) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::{TimeZone, offset};

    use super::{CLOUD, in_zone};

    #[test]
    fn dates_are_printed_as_the_cloud_prints_them() {
        let zone = || TimeZone::fixed(offset(1));
        assert_eq!(in_zone(1_670_674_020, zone(), CLOUD), "12-10-2022 1:07pm");
        assert_eq!(in_zone(1_672_614_060, zone(), CLOUD), "01-02-2023 12:01am");
        assert_eq!(in_zone(1_672_656_900, zone(), CLOUD), "01-02-2023 11:55am");
        assert_eq!(in_zone(1_672_660_800, zone(), CLOUD), "01-02-2023 1:00pm");
        assert_eq!(in_zone(i64::MAX, zone(), CLOUD), "?");
    }
}
