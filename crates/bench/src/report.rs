//! One line of JSON a benchmark.

use serde::Serialize;

#[derive(Serialize)]
pub struct Line<'a> {
    pub name: &'a str,
    pub value: f64,
    pub unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Rounds behind the medians.
    pub n: usize,
}

#[expect(clippy::print_stdout, reason = "the benchmark's output")]
pub fn print(line: &Line<'_>) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(line)?);
    Ok(())
}

/// A figure alone.
pub fn value(name: &str, unit: &str, values: &[f64]) -> anyhow::Result<()> {
    let value = median(values);
    print(&Line { name, value, unit, against: None, against_value: None, ratio: None, n: values.len() })
}

/// A figure, and what another way comes to in the same run, of which less is better.
pub fn against(name: &str, unit: &str, ours: &[f64], what: &str, theirs: &[f64]) -> anyhow::Result<()> {
    let (value, other) = (median(ours), median(theirs));
    let (against, against_value, ratio) = (Some(what), Some(other), Some(other / value));
    print(&Line { name, value, unit, against, against_value, ratio, n: ours.len() })
}

/// The same where more is better.
pub fn against_more_is_better(
    name: &str,
    unit: &str,
    ours: &[f64],
    what: &str,
    theirs: &[f64],
) -> anyhow::Result<()> {
    let (value, other) = (median(ours), median(theirs));
    let (against, against_value, ratio) = (Some(what), Some(other), Some(value / other));
    print(&Line { name, value, unit, against, against_value, ratio, n: ours.len() })
}

/// The smallest value that so many of a hundred do not exceed; 0 for none.
pub fn percentile(values: &[f64], hundredths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

/// The middle of the values; the mean of the two in the middle for an even number; 0 for none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 { at(middle) } else { (at(middle.saturating_sub(1)) + at(middle)) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn medians() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn percentiles() {
        let values: Vec<f64> = (1..=40).rev().map(f64::from).collect();
        assert!((percentile(&values, 95) - 38.0).abs() < f64::EPSILON);
        assert!((percentile(&values[..1], 95) - 40.0).abs() < f64::EPSILON);
        assert!(percentile(&[], 95).abs() < f64::EPSILON);
    }
}
