//! When a desktop sleeps by itself, and holding it awake.

use clap::Args;
use rolltop_api_types::{AwakeReason, CreateHold, Schedule, Sleep};

use crate::connect::Connection;
use crate::failure::Failure;
use crate::find;
use crate::output::{left_until, plain};

#[derive(Args)]
pub struct SetSleep {
    /// The desktop
    pub name: String,
    /// Suspend it once it was not used for so many minutes
    #[arg(long, value_name = "MINUTES", conflicts_with = "never")]
    pub after: Option<u32>,
    /// Keep it awake at these times, and start it at their beginning, such as "mon-fri 8-19"; outside of them it
    /// sleeps once it is not used
    #[arg(long, value_name = "SCHEDULE", conflicts_with = "never")]
    pub awake: Option<String>,
    /// The time zone of the schedule, such as Europe/Berlin; by default this machine's
    #[arg(long, value_name = "ZONE", requires = "awake")]
    pub zone: Option<String>,
    /// Forget the schedule
    #[arg(long, conflicts_with_all = ["awake", "never"])]
    pub no_schedule: bool,
    /// Never let it sleep by itself
    #[arg(long)]
    pub never: bool,
}

#[derive(Args)]
pub struct HoldAwake {
    /// The desktop
    pub name: String,
    /// For how long, such as 30m, 2h or 1d
    #[arg(long = "for", value_name = "TIME", default_value = "2h")]
    pub lasts: String,
    /// What for
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Let go of everything that holds it
    #[arg(long, conflicts_with_all = ["lasts", "reason"])]
    pub release: bool,
}

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `rolltop sleep`
pub async fn run(connection: &Connection, set: &SetSleep) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, &set.name).await?;
    let client = &connection.client;
    let mut sleep = client.sleep(desktop.id).await?;
    let before = sleep.policy.clone();
    if set.never {
        sleep.policy = Default::default();
    }
    if let Some(minutes) = set.after {
        sleep.policy.after_minutes = Some(minutes);
    }
    if set.no_schedule {
        sleep.policy.schedule = None;
    }
    if let Some(text) = &set.awake {
        let zone = set.zone.clone().or_else(own_zone).ok_or_else(|| {
            Failure::usage("This machine's time zone has no name; give one with --zone.".to_owned())
        })?;
        sleep.policy.schedule = Some(schedule(text, zone)?);
    }
    if sleep.policy != before || set.never {
        sleep = client.set_sleep(desktop.id, &sleep.policy).await?;
    }
    connection.tell(&sleep, || told(&sleep))
}

/// `rolltop hold`
pub async fn hold(connection: &Connection, hold: &HoldAwake) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, &hold.name).await?;
    let client = &connection.client;
    if hold.release {
        let held = client.sleep(desktop.id).await?.holds;
        for one in &held {
            client.release_hold((desktop.id, one.id)).await?;
        }
        let value = serde_json::json!({ "items": held });
        return connection.tell(&value, || format!("{} let go of: {}\n", desktop.name, held.len()));
    }
    let lasts_seconds = seconds(&hold.lasts).ok_or_else(|| {
        Failure::usage(format!("“{}” is no time; write 30m, 2h or 1d.", plain(&hold.lasts)))
    })?;
    let made = client.hold(desktop.id, &CreateHold { lasts_seconds, reason: hold.reason.clone() }).await?;
    connection.tell(&made, || format!("{} stays awake for {}\n", desktop.name, left_until(made.expires_at)))
}

fn told(sleep: &Sleep) -> String {
    let mut lines = Vec::new();
    match (sleep.policy.after_minutes, &sleep.policy.schedule) {
        (None, None) => lines.push("never sleeps by itself".to_owned()),
        (after, schedule) => {
            if let Some(minutes) = after {
                lines.push(format!("sleeps after {minutes} minutes without use"));
            }
            if let Some(Schedule { days, from, to, time_zone }) = schedule {
                lines.push(format!("awake {} {from}-{to}, {time_zone}", days.join(",")));
            }
        }
    }
    let reasons = sleep.awake_because.iter().filter(|reason| reason.reason != "no_policy");
    lines.extend(reasons.map(|AwakeReason { detail, until, .. }| {
        let until = until.map(|until| format!(" (for {})", left_until(until))).unwrap_or_default();
        format!("awake now: {}{until}", plain(detail).trim_end_matches('.'))
    }));
    for hold in &sleep.holds {
        let reason = hold.reason.as_deref().unwrap_or("no reason given");
        let (by, left) = (plain(&hold.made_by), left_until(hold.expires_at));
        lines.push(format!("held by {by}: {}, for {left}", plain(reason)));
    }
    lines.join("\n") + "\n"
}

/// The name of this machine's time zone.
fn own_zone() -> Option<String> {
    jiff::tz::TimeZone::system().iana_name().map(str::to_owned)
}

/// Seconds of `90s`, `30m`, `2h` or `1d`.
fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// `mon-fri 8-19`, `mon,wed 8:30-17:00`, `daily 7-23`, `weekdays 8-19`.
fn schedule(text: &str, time_zone: String) -> Result<Schedule, Failure> {
    let wrong = || {
        let text = plain(text);
        Failure::usage(format!("“{text}” is no schedule; write it as \"mon-fri 8-19\" or \"daily 7:30-23\"."))
    };
    let (days, times) = text.trim().split_once(char::is_whitespace).ok_or_else(wrong)?;
    let (from, to) = times.trim().split_once('-').ok_or_else(wrong)?;
    let days = days_of(&days.to_ascii_lowercase()).ok_or_else(wrong)?;
    Ok(Schedule { days, from: from.trim().to_owned(), to: to.trim().to_owned(), time_zone })
}

fn days_of(text: &str) -> Option<Vec<String>> {
    let place = |day: &str| WEEK.iter().position(|known| *known == day);
    let mut chosen = [false; 7];
    for part in text.split(',') {
        let (first, last) = match part {
            "daily" => (0, 6),
            "weekdays" => (0, 4),
            _ => match part.split_once('-') {
                Some((first, last)) => (place(first)?, place(last)?),
                None => (place(part)?, place(part)?),
            },
        };
        // From Saturday to Monday goes over the week's end.
        let count = (last + 7 - first) % 7;
        for step in 0..=count {
            *chosen.get_mut((first + step) % 7)? = true;
        }
    }
    Some(WEEK.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(day, _)| (*day).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_people_write_them() {
        let days = |text: &str| schedule(text, "UTC".to_owned()).map(|schedule| schedule.days.join(" "));
        assert_eq!(days("mon-fri 8-19").unwrap(), "mon tue wed thu fri");
        assert_eq!(days("Weekdays 8:30 - 17:00").unwrap(), "mon tue wed thu fri");
        assert_eq!(days("sat-mon,wed 8-19").unwrap(), "mon wed sat sun");
        assert_eq!(days("daily 0-1").unwrap().len(), 27);
        for wrong in ["", "mon-fri", "8-19", "someday 8-19", "mon- 8-19", "mon 8"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
        let times = schedule("mon 8:30 - 17", "UTC".to_owned()).unwrap();
        assert_eq!((times.from.as_str(), times.to.as_str()), ("8:30", "17"));
    }

    #[test]
    fn times_are_read() {
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("2h"), Some(7200));
        for wrong in ["", "2", "h", "-1h", "2 h", "2w", "99999999999999999999d", "2ü"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
