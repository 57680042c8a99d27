//! When a desktop sleeps by itself, and what keeps it awake. Pure: signs in, reasons out.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::lifecycle::after;

/// Outside its schedule a desktop without a rule of its own sleeps after so many minutes.
const AFTER_SCHEDULE: u32 = 10;
/// Days looked back for the latest turn of a schedule: a week and what lies over midnight.
const DAYS_BACK: i32 = 8;

/// When a desktop may be suspended without anybody asking. The default is never.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SleepPolicy {
    /// Once nobody and nothing has used it for this long.
    pub after: Option<Minutes>,
    /// When it is awake whether it is used or not; outside of that it sleeps once it is not used.
    pub schedule: Option<Schedule>,
}

/// From [`Minutes::LEAST`] to [`Minutes::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minutes(u32);

impl Minutes {
    pub const LEAST: u32 = 1;
    /// A week.
    pub const MOST: u32 = 7 * 24 * 60;

    /// None where it is less than the least or more than the most.
    pub const fn new(minutes: u32) -> Option<Self> {
        if minutes < Self::LEAST || minutes > Self::MOST { None } else { Some(Self(minutes)) }
    }

    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Days of the week, and from when to when, as clocks show it in one time zone. An end that is not after
/// the beginning is on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ScheduleParts", into = "ScheduleParts")]
pub struct Schedule {
    days: Vec<Weekday>,
    from: Time,
    to: Time,
    zone: TimeZone,
    zone_name: String,
}

/// A schedule in words: days such as `mon`, times such as `08:00`, the zone such as `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleParts {
    pub days: Vec<String>,
    pub from: String,
    pub to: String,
    pub time_zone: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("A schedule needs days: mon, tue, wed, thu, fri, sat, sun.")]
    NoDays,
    #[error("A day is one of mon, tue, wed, thu, fri, sat, sun.")]
    Day,
    #[error("A time is hours and minutes, such as 08:00.")]
    Time,
    #[error("A schedule has to begin and end at different times.")]
    Empty,
    #[error("A time zone is a name such as Europe/Berlin.")]
    Zone,
}

const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A moment at which a schedule begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    pub at: Timestamp,
    pub awake: bool,
}

impl Schedule {
    /// The latest turn that is not after `now`; none where the calendar ends.
    pub fn latest_turn(&self, now: Timestamp) -> Option<Turn> {
        // Where one day's end is the next one's beginning, the beginning counts.
        self.turns(now, -DAYS_BACK, 1).into_iter().filter(|turn| turn.at <= now).max()
    }

    /// The first turn after `now`.
    pub fn next_turn(&self, now: Timestamp) -> Option<Turn> {
        self.turns(now, -1, DAYS_BACK).into_iter().filter(|turn| turn.at > now).min()
    }

    fn turns(&self, now: Timestamp, first: i32, last: i32) -> Vec<Turn> {
        let today = now.to_zoned(self.zone.clone()).date();
        let days = (first..=last).filter_map(|days| today.checked_add(days.days()).ok());
        days.filter(|day| self.days.contains(&day.weekday())).flat_map(|day| self.turns_of(day)).collect()
    }

    fn turns_of(&self, day: Date) -> Vec<Turn> {
        let end = if self.to > self.from { Ok(day) } else { day.tomorrow() };
        let turn = |day: Date, time: Time, awake| {
            let at = self.zone.to_timestamp(day.to_datetime(time)).ok()?;
            Some(Turn { at, awake })
        };
        let ends = end.ok().and_then(|day| turn(day, self.to, false));
        turn(day, self.from, true).into_iter().chain(ends).collect()
    }
}

impl TryFrom<ScheduleParts> for Schedule {
    type Error = ScheduleError;

    fn try_from(parts: ScheduleParts) -> Result<Self, ScheduleError> {
        let named = |name: &String| WEEK.iter().find(|(day, _)| day == name).map(|(_, day)| *day);
        let asked: Vec<Weekday> =
            parts.days.iter().map(named).collect::<Option<_>>().ok_or(ScheduleError::Day)?;
        let days: Vec<Weekday> = WEEK.iter().map(|(_, day)| *day).filter(|day| asked.contains(day)).collect();
        let (from, to) = (time(&parts.from)?, time(&parts.to)?);
        if days.is_empty() {
            return Err(ScheduleError::NoDays);
        }
        if from == to {
            return Err(ScheduleError::Empty);
        }
        let zone = zone_of(&parts.time_zone).ok_or(ScheduleError::Zone)?;
        let zone_name = zone.iana_name().ok_or(ScheduleError::Zone)?.to_owned();
        Ok(Self { days, from, to, zone, zone_name })
    }
}

/// `8`, `8:00` or `08:00`.
fn time(text: &str) -> Result<Time, ScheduleError> {
    let (hour, minute) = text.split_once(':').unwrap_or((text, "0"));
    let number = |text: &str| i8::from_str(text).ok().filter(|number| *number >= 0);
    let hour = number(hour).ok_or(ScheduleError::Time)?;
    Time::new(hour, number(minute).ok_or(ScheduleError::Time)?, 0, 0).map_err(|_| ScheduleError::Time)
}

impl From<Schedule> for ScheduleParts {
    fn from(schedule: Schedule) -> Self {
        let days = WEEK.iter().filter(|(_, day)| schedule.days.contains(day));
        Self {
            days: days.map(|(name, _)| (*name).to_owned()).collect(),
            from: schedule.from.strftime("%H:%M").to_string(),
            to: schedule.to.strftime("%H:%M").to_string(),
            time_zone: schedule.zone_name,
        }
    }
}

/// A way in which somebody or something outside has a desktop open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Use {
    Screen,
    Terminal,
    Command,
    Files,
    Port,
    Ssh,
    Setup,
}

/// Something that keeps a desktop awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwakeReason {
    /// Nobody has said that it may sleep.
    NoPolicy,
    Open {
        kind: Use,
        count: usize,
    },
    /// Its processors work, this much of one, in percent.
    Processor {
        percent: u32,
    },
    /// It sends and receives, bytes per second.
    Network {
        bytes_per_second: u64,
    },
    /// Somebody asked for it.
    Hold {
        until: Timestamp,
    },
    Schedule {
        until: Timestamp,
    },
    /// It was used shortly before.
    Recent {
        until: Timestamp,
    },
}

/// What is known of a running desktop's use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signs {
    /// How it is open, and how often.
    pub open: Vec<(Use, usize)>,
    /// When it was last seen to be used: something was open, it worked, or it started.
    pub used_at: Timestamp,
    /// The share of one processor that its guest took lately, percent; none while unknown.
    pub processor_percent: Option<u32>,
    /// Bytes that went to and from other networks lately, per second; none while unknown.
    pub network_bytes_per_second: Option<u64>,
    /// The latest end of what holds it awake.
    pub held_until: Option<Timestamp>,
}

impl Signs {
    /// A desktop whose processors take more of one than this works: an idle one with its session takes 1 to
    /// 8 percent, emulated.
    pub const BUSY_PERCENT: u32 = 20;
    /// And so does one that sends and receives more than this, bytes per second.
    pub const BUSY_NETWORK: u64 = 10_000;

    /// Whether a machine that takes so many percent of one processor, and moves so many bytes per second, works.
    pub const fn is_work(processor_percent: u32, network_bytes_per_second: u64) -> bool {
        processor_percent > Self::BUSY_PERCENT || network_bytes_per_second > Self::BUSY_NETWORK
    }

    fn processor(&self) -> Option<AwakeReason> {
        let percent = self.processor_percent.filter(|percent| *percent > Self::BUSY_PERCENT)?;
        Some(AwakeReason::Processor { percent })
    }

    fn network(&self) -> Option<AwakeReason> {
        let rate = self.network_bytes_per_second.filter(|rate| *rate > Self::BUSY_NETWORK)?;
        Some(AwakeReason::Network { bytes_per_second: rate })
    }
}

impl SleepPolicy {
    /// What keeps a running desktop awake at `now`, where a minute without use is as long as `minute`. It
    /// sleeps when that is nothing.
    pub fn awake_because(&self, signs: &Signs, minute: Duration, now: Timestamp) -> Vec<AwakeReason> {
        let open = signs.open.iter().filter(|(_, count)| *count > 0);
        let mut reasons: Vec<AwakeReason> =
            open.map(|(kind, count)| AwakeReason::Open { kind: *kind, count: *count }).collect();
        reasons.extend(signs.processor());
        reasons.extend(signs.network());
        reasons
            .extend(signs.held_until.filter(|until| *until > now).map(|until| AwakeReason::Hold { until }));
        let Some(pause) = self.pause(minute) else {
            reasons.push(AwakeReason::NoPolicy);
            return reasons;
        };
        let ended = match self.schedule.as_ref().map(|schedule| (schedule, schedule.latest_turn(now))) {
            Some((schedule, Some(Turn { awake: true, .. }))) => {
                let until = schedule.next_turn(now).map_or(Timestamp::MAX, |turn| turn.at);
                reasons.push(AwakeReason::Schedule { until });
                None
            }
            Some((_, Some(turn))) => Some(turn.at),
            Some((_, None)) | None => None,
        };
        let used_at = signs.used_at.max(ended.unwrap_or(Timestamp::MIN)).max(
            // What held it has only just ended.
            signs.held_until.filter(|until| *until <= now).unwrap_or(Timestamp::MIN),
        );
        let until = after(used_at, pause);
        let unknown = signs.processor_percent.is_none() || signs.network_bytes_per_second.is_none();
        if until > now {
            reasons.push(AwakeReason::Recent { until });
        } else if unknown {
            reasons.push(AwakeReason::Recent { until: after(now, minute) });
        }
        reasons
    }

    /// When it can sleep at the earliest, which is kept awake at `now` by these reasons; `None` where it never sleeps.
    pub fn look_again(&self, reasons: &[AwakeReason], minute: Duration, now: Timestamp) -> Option<Timestamp> {
        // What is open or works now has to be over for that long.
        let unused = after(now, self.pause(minute)?);
        reasons.iter().map(|reason| reason.until().unwrap_or(unused)).max()
    }

    /// How long it has to be unused, if it sleeps at all.
    fn pause(&self, minute: Duration) -> Option<Duration> {
        match (self.after, &self.schedule) {
            (Some(after), _) => Some(minute.saturating_mul(after.get())),
            (None, Some(_)) => Some(minute.saturating_mul(AFTER_SCHEDULE)),
            (None, None) => None,
        }
    }
}

impl Use {
    pub const fn as_str(self) -> &'static str {
        match self {
            Use::Screen => "screen",
            Use::Terminal => "terminal",
            Use::Command => "command",
            Use::Files => "files",
            Use::Port => "port",
            Use::Ssh => "ssh",
            Use::Setup => "setup",
        }
    }
}

impl AwakeReason {
    /// A stable code.
    pub const fn as_str(self) -> &'static str {
        match self {
            AwakeReason::NoPolicy => "no_policy",
            AwakeReason::Open { kind, .. } => kind.as_str(),
            AwakeReason::Processor { .. } => "processor",
            AwakeReason::Network { .. } => "network",
            AwakeReason::Hold { .. } => "hold",
            AwakeReason::Schedule { .. } => "schedule",
            AwakeReason::Recent { .. } => "recent_use",
        }
    }

    /// How many, percent of one processor, or bytes per second.
    pub fn amount(self) -> Option<u64> {
        match self {
            AwakeReason::Open { count, .. } => u64::try_from(count).ok(),
            AwakeReason::Processor { percent } => Some(percent.into()),
            AwakeReason::Network { bytes_per_second } => Some(bytes_per_second),
            AwakeReason::NoPolicy
            | AwakeReason::Hold { .. }
            | AwakeReason::Schedule { .. }
            | AwakeReason::Recent { .. } => None,
        }
    }

    /// Until when, where that is known.
    pub const fn until(self) -> Option<Timestamp> {
        match self {
            AwakeReason::Hold { until } | AwakeReason::Schedule { until } | AwakeReason::Recent { until } => {
                Some(until)
            }
            AwakeReason::NoPolicy
            | AwakeReason::Open { .. }
            | AwakeReason::Processor { .. }
            | AwakeReason::Network { .. } => None,
        }
    }
}

impl fmt::Display for AwakeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = |one: &str, many: &str, count: usize| match count {
            1 => one.to_owned(),
            count => many.replace('#', &count.to_string()),
        };
        let text = match *self {
            AwakeReason::NoPolicy => "It never sleeps by itself.".to_owned(),
            AwakeReason::Open { kind, count } => match kind {
                Use::Screen => open("Its screen is looked at.", "Its screen is looked at # times.", count),
                Use::Terminal => open("A terminal is open.", "# terminals are open.", count),
                Use::Command => open("A command runs.", "# commands run.", count),
                Use::Files => open("Files are being copied.", "Files are being copied # times.", count),
                Use::Port => {
                    open("A connection to a port is open.", "# connections to ports are open.", count)
                }
                Use::Ssh => open("An SSH connection is open.", "# SSH connections are open.", count),
                Use::Setup => "It is being set up.".to_owned(),
            },
            AwakeReason::Processor { percent } => {
                format!("Its processors are busy: {percent} percent of one.")
            }
            AwakeReason::Network { bytes_per_second } => {
                format!("It sends and receives {} kB/s.", bytes_per_second / 1000)
            }
            AwakeReason::Hold { .. } => "It is held awake.".to_owned(),
            AwakeReason::Schedule { .. } => "Its schedule says so.".to_owned(),
            AwakeReason::Recent { .. } => "It was used shortly before.".to_owned(),
        };
        f.write_str(&text)
    }
}

/// By this machine's database, or else by the one that is built in: browsers send names that distributions have dropped.
fn zone_of(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).or_else(|_| jiff::tz::TimeZoneDatabase::bundled().get(name)).ok()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(days: &[&str], from: &str, to: &str, zone: &str) -> Result<Schedule, ScheduleError> {
        let parts = ScheduleParts {
            days: days.iter().map(|day| (*day).to_owned()).collect(),
            from: from.to_owned(),
            to: to.to_owned(),
            time_zone: zone.to_owned(),
        };
        Schedule::try_from(parts)
    }

    #[test]
    fn older_names_of_zones_are_taken_whatever_the_machine_knows() {
        for zone in ["Asia/Calcutta", "Europe/Kiev", "US/Pacific", "UTC"] {
            assert!(schedule(&["mon"], "8", "19", zone).is_ok(), "{zone}");
            assert!(jiff::tz::TimeZoneDatabase::bundled().get(zone).is_ok(), "{zone}");
        }
        assert!(matches!(schedule(&["mon"], "8", "19", "Nowhere/Land"), Err(ScheduleError::Zone)));
    }

    fn weekdays() -> Schedule {
        schedule(&["mon", "tue", "wed", "thu", "fri"], "8", "19:00", "Europe/Berlin").unwrap()
    }

    fn unused(used_at: &str) -> Signs {
        Signs {
            open: vec![],
            used_at: at(used_at),
            processor_percent: Some(3),
            network_bytes_per_second: Some(0),
            held_until: None,
        }
    }

    fn unused_for(minutes: u32) -> SleepPolicy {
        SleepPolicy { after: Minutes::new(minutes), schedule: None }
    }

    #[test]
    fn it_sleeps_once_it_was_unused_for_long_enough_and_never_otherwise() {
        let signs = unused("2026-11-26T10:00:00Z");
        assert_eq!(
            unused_for(30).awake_because(&signs, MINUTE, at("2026-11-26T10:29:59Z")),
            [AwakeReason::Recent { until: at("2026-11-26T10:30:00Z") }]
        );
        assert!(unused_for(30).awake_because(&signs, MINUTE, at("2026-11-26T10:30:00Z")).is_empty());
        let never = SleepPolicy::default();
        assert_eq!(never.awake_because(&signs, MINUTE, at("2030-01-01T00:00:00Z")), [AwakeReason::NoPolicy]);
    }

    #[test]
    fn each_sign_alone_keeps_it_awake() {
        let now = at("2026-11-26T18:00:00Z");
        let quiet = unused("2026-11-26T10:00:00Z");
        assert!(unused_for(5).awake_because(&quiet, MINUTE, now).is_empty());
        for sign in [
            Signs { open: vec![(Use::Ssh, 1)], ..quiet.clone() },
            Signs { processor_percent: Some(21), ..quiet.clone() },
            Signs { network_bytes_per_second: Some(20_000), ..quiet.clone() },
            Signs { held_until: Some(at("2026-11-26T18:00:01Z")), ..quiet.clone() },
            // Only just let go of, or nothing measured yet.
            Signs { held_until: Some(at("2026-11-26T17:59:00Z")), ..quiet.clone() },
            Signs { processor_percent: None, ..quiet.clone() },
            Signs { network_bytes_per_second: None, ..quiet },
        ] {
            assert_eq!(unused_for(5).awake_because(&sign, MINUTE, now).len(), 1, "{sign:?}");
        }
    }

    #[test]
    fn a_schedule_turns_by_the_clock_of_its_zone() {
        let schedule = weekdays();
        // A Thursday in winter: Berlin is an hour ahead.
        let turn = schedule.latest_turn(at("2026-11-26T07:00:00Z")).unwrap();
        assert_eq!(turn, Turn { at: at("2026-11-26T07:00:00Z"), awake: true });
        let before = schedule.latest_turn(at("2026-11-26T06:59:59Z")).unwrap();
        assert_eq!(before, Turn { at: at("2026-11-25T18:00:00Z"), awake: false });
        // Over the weekend, and in summer.
        let sunday = schedule.latest_turn(at("2026-07-05T12:00:00Z")).unwrap();
        assert_eq!(sunday, Turn { at: at("2026-07-03T17:00:00Z"), awake: false });
        let monday = schedule.next_turn(at("2026-07-05T12:00:00Z")).unwrap();
        assert_eq!(monday, Turn { at: at("2026-07-06T06:00:00Z"), awake: true });
        // The night the clocks go back, and over midnight.
        let nights = self::schedule(&["sat"], "22:00", "06:00", "Europe/Berlin").unwrap();
        let turn = nights.next_turn(at("2026-10-24T21:00:00Z")).unwrap();
        assert_eq!(turn, Turn { at: at("2026-10-25T05:00:00Z"), awake: false });
    }

    #[test]
    fn a_schedule_keeps_awake_and_then_lets_go() {
        let policy = SleepPolicy { after: None, schedule: Some(weekdays()) };
        let signs = unused("2026-11-26T07:00:00Z");
        let until = at("2026-11-26T18:00:00Z");
        assert_eq!(
            policy.awake_because(&signs, MINUTE, at("2026-11-26T12:00:00Z")),
            [AwakeReason::Schedule { until }]
        );
        assert_eq!(
            policy.awake_because(&signs, MINUTE, until).len(),
            1,
            "a little longer, for who still works"
        );
        assert!(policy.awake_because(&signs, MINUTE, at("2026-11-26T18:10:00Z")).is_empty());
    }

    #[test]
    fn a_schedule_without_sense_is_refused_and_a_good_one_survives_storage() {
        assert_eq!(schedule(&[], "8", "9", "UTC"), Err(ScheduleError::NoDays));
        assert_eq!(schedule(&["day"], "8", "9", "UTC"), Err(ScheduleError::Day));
        assert_eq!(schedule(&["mon"], "8", "8:00", "UTC"), Err(ScheduleError::Empty));
        for time in ["", "24", "8:60", "-1", "8:-3", "eight", "8:00:00"] {
            assert_eq!(schedule(&["mon"], time, "9", "UTC"), Err(ScheduleError::Time), "{time}");
        }
        assert_eq!(schedule(&["mon"], "8", "9", "Middle/Earth"), Err(ScheduleError::Zone));
        let text = serde_json::to_string(&weekdays()).unwrap();
        assert_eq!(
            text,
            r#"{"days":["mon","tue","wed","thu","fri"],"from":"08:00","to":"19:00","time_zone":"Europe/Berlin"}"#
        );
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), weekdays());
        assert_eq!(Minutes::new(0), None);
        assert_eq!(Minutes::new(Minutes::MOST + 1), None);
    }

    proptest! {
        #[test]
        fn turns_alternate_around_any_moment(
            days in proptest::sample::subsequence(WEEK.map(|(name, _)| name).to_vec(), 1..=7),
            from in 0u32..1440, length in 1u32..1440, second in 0i64..2_000_000_000,
        ) {
            let clock = |minute: u32| format!("{}:{}", minute / 60 % 24, minute % 60);
            let schedule = schedule(&days, &clock(from), &clock(from + length), "America/New_York").unwrap();
            let now = Timestamp::from_second(second).unwrap();
            let latest = schedule.latest_turn(now).unwrap();
            let next = schedule.next_turn(now).unwrap();
            prop_assert!(latest.at <= now && now < next.at);
            prop_assert!(next.at.duration_since(latest.at) <= SignedDuration::from_hours(8 * 24));
        }
    }
}
