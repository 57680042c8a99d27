//! Snapshots that are taken without anybody asking, and how many of them stay.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// How often, and what stays: the latest so many, and the latest of each of so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSchedule {
    every_hours: u32,
    keep_last: u32,
    keep_days: u32,
    #[serde(default)]
    copies: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotScheduleError {
    #[error("A snapshot can be taken every 1 to {} hours.", SnapshotSchedule::MOST_HOURS)]
    Hours,
    #[error("The latest 1 to {} can be kept.", SnapshotSchedule::MOST_KEPT)]
    Last,
    #[error("One a day can be kept for 0 to {} days.", SnapshotSchedule::MOST_KEPT)]
    Days,
}

impl SnapshotScheduleError {
    /// What it is about.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Hours => "every_hours",
            Self::Last => "keep_last",
            Self::Days => "keep_days",
        }
    }
}

impl SnapshotSchedule {
    /// A week.
    pub const MOST_HOURS: u32 = 7 * 24;
    pub const MOST_KEPT: u32 = 100;

    pub fn new(every_hours: u32, keep_last: u32, keep_days: u32) -> Result<Self, SnapshotScheduleError> {
        if !(1..=Self::MOST_HOURS).contains(&every_hours) {
            return Err(SnapshotScheduleError::Hours);
        }
        if !(1..=Self::MOST_KEPT).contains(&keep_last) {
            return Err(SnapshotScheduleError::Last);
        }
        if keep_days > Self::MOST_KEPT {
            return Err(SnapshotScheduleError::Days);
        }
        Ok(Self { every_hours, keep_last, keep_days, copies: false })
    }

    /// Whether each is also copied off the host, for as long as it stays.
    pub const fn with_copies(self, copies: bool) -> Self {
        Self { copies, ..self }
    }

    pub const fn copies(&self) -> bool {
        self.copies
    }

    pub const fn every_hours(&self) -> u32 {
        self.every_hours
    }

    pub const fn keep_last(&self) -> u32 {
        self.keep_last
    }

    pub const fn keep_days(&self) -> u32 {
        self.keep_days
    }

    /// How long from one to the next, where an hour is that long.
    pub fn period(&self, hour: Duration) -> Duration {
        hour.saturating_mul(self.every_hours)
    }

    /// Which of these moments, the latest first, stay. Days are UTC's, and those without a snapshot don't count.
    pub fn keeps(&self, moments: &[Timestamp]) -> Vec<bool> {
        let mut days_left = self.keep_days;
        let mut day = None;
        let mut kept = Vec::with_capacity(moments.len());
        for (place, moment) in (0..).zip(moments) {
            let of = moment.to_zoned(TimeZone::UTC).date();
            let is_latest_of_day = day.replace(of) != Some(of);
            let is_daily = is_latest_of_day && days_left > 0;
            days_left -= u32::from(is_daily);
            kept.push(place < self.keep_last || is_daily);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedule(keep_last: u32, keep_days: u32) -> SnapshotSchedule {
        SnapshotSchedule::new(6, keep_last, keep_days).unwrap()
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(SnapshotSchedule::new(0, 1, 0), Err(SnapshotScheduleError::Hours));
        assert_eq!(SnapshotSchedule::new(169, 1, 0), Err(SnapshotScheduleError::Hours));
        assert_eq!(SnapshotSchedule::new(1, 0, 0), Err(SnapshotScheduleError::Last));
        assert_eq!(SnapshotSchedule::new(1, 101, 0), Err(SnapshotScheduleError::Last));
        assert_eq!(SnapshotSchedule::new(1, 1, 101), Err(SnapshotScheduleError::Days));
        assert!(SnapshotSchedule::new(168, 100, 100).is_ok());
    }

    #[test]
    fn the_latest_stay_and_the_latest_of_each_day() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let moments = [
            at("2026-03-05T06:00:00Z"),
            at("2026-03-05T00:00:00Z"),
            at("2026-03-04T23:59:59Z"),
            at("2026-03-04T10:00:00Z"),
            at("2026-03-01T10:00:00Z"),
            at("2026-03-01T09:00:00Z"),
            at("2026-02-01T09:00:00Z"),
        ];
        assert_eq!(schedule(1, 0).keeps(&moments), [true, false, false, false, false, false, false]);
        assert_eq!(schedule(2, 0).keeps(&moments), [true, true, false, false, false, false, false]);
        assert_eq!(schedule(1, 3).keeps(&moments), [true, false, true, false, true, false, false]);
        assert_eq!(schedule(4, 4).keeps(&moments), [true, true, true, true, true, false, true]);
        assert!(schedule(1, 1).keeps(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn enough_stay_and_never_more_than_said(
            mut seconds in proptest::collection::vec(0i64..10_000_000, 0..60),
            last in 1u32..20,
            days in 0u32..20,
        ) {
            seconds.sort_unstable_by(|a, b| b.cmp(a));
            let moments: Vec<Timestamp> =
                seconds.iter().map(|second| Timestamp::from_second(*second).unwrap()).collect();
            let kept = schedule(last, days).keeps(&moments);
            prop_assert_eq!(kept.len(), moments.len());
            let count = kept.iter().filter(|kept| **kept).count();
            prop_assert!(count >= moments.len().min(last as usize), "the latest stay");
            prop_assert!(count <= (last + days) as usize, "no more than said");
            // Taking away what goes and asking again takes nothing more away.
            let left: Vec<Timestamp> =
                moments.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(moment, _)| *moment).collect();
            prop_assert!(schedule(last, days).keeps(&left).into_iter().all(|kept| kept));
        }
    }
}
