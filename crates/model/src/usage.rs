//! What a desktop used, over time.

use jiff::Timestamp;

/// What it used at a moment, or on average over a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of one processor.
    pub processor_percent: u64,
    /// Host memory that is its alone.
    pub memory_bytes: u64,
    /// Of the host's disk.
    pub disk_bytes: u64,
    pub received_bytes_per_second: u64,
    pub sent_bytes_per_second: u64,
}

/// The average of the time that begins then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsagePoint {
    pub at: Timestamp,
    pub usage: Usage,
}

impl Usage {
    /// `None` of nothing.
    pub fn average<'a>(of: impl IntoIterator<Item = &'a Usage>) -> Option<Self> {
        let (mut sum, mut count) = ([0_u128; 5], 0_u128);
        for usage in of {
            for (sum, value) in sum.iter_mut().zip(usage.values()) {
                *sum = sum.saturating_add(value.into());
            }
            count += 1;
        }
        if count == 0 {
            return None;
        }
        let [processor_percent, memory_bytes, disk_bytes, received, sent] =
            sum.map(|sum| u64::try_from(sum / count).unwrap_or(u64::MAX));
        Some(Self {
            processor_percent,
            memory_bytes,
            disk_bytes,
            received_bytes_per_second: received,
            sent_bytes_per_second: sent,
        })
    }

    fn values(&self) -> [u64; 5] {
        [
            self.processor_percent,
            self.memory_bytes,
            self.disk_bytes,
            self.received_bytes_per_second,
            self.sent_bytes_per_second,
        ]
    }
}

/// One point for each whole while of `seconds` that has any; `points` are the oldest first.
pub fn down_sample(points: &[UsagePoint], seconds: i64) -> Vec<UsagePoint> {
    let begins = |point: &UsagePoint| while_of(point.at, seconds);
    points
        .chunk_by(|one, next| begins(one) == begins(next))
        .filter_map(|points| {
            let at = begins(points.first()?);
            Some(UsagePoint { at, usage: Usage::average(points.iter().map(|point| &point.usage))? })
        })
        .collect()
}

/// When the while of `seconds` that a moment is in began, counted from 1970.
pub fn while_of(at: Timestamp, seconds: i64) -> Timestamp {
    let begun = at.as_second() - at.as_second().rem_euclid(seconds.max(1));
    Timestamp::from_second(begun).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64, processor_percent: u64) -> UsagePoint {
        let at = Timestamp::from_second(second).unwrap();
        UsagePoint { at, usage: Usage { processor_percent, memory_bytes: u64::MAX, ..Usage::default() } }
    }

    #[test]
    fn a_while_has_the_average_of_its_points_and_one_without_any_is_left_out() {
        let points = [point(600, 10), point(650, 20), point(899, 60), point(1500, 7)];
        let sampled = down_sample(&points, 300);
        assert_eq!(sampled, [point(600, 30), point(1500, 7)]);
        assert_eq!(down_sample(&sampled, 300), sampled);
        assert_eq!(down_sample(&[], 300), []);
        assert_eq!(down_sample(&points, 0).len(), 4);
    }
}
