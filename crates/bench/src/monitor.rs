//! QEMU's monitor, driven by hand.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

/// A connection to a QEMU's monitor.
pub struct Monitor(BufReader<UnixStream>);

impl Monitor {
    /// Nothing that is asked of it may take longer than `limit`.
    pub fn connect(path: &Path, limit: Duration) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(path).context("QEMU's monitor")?;
        stream.set_read_timeout(Some(limit))?;
        let mut monitor = Self(BufReader::new(stream));
        monitor.run("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    pub fn run(&mut self, command: &str, arguments: &Value) -> anyhow::Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments, "id": 1 });
        self.0.get_mut().write_all(format!("{request}\n").as_bytes())?;
        loop {
            let mut line = String::new();
            ensure!(self.0.read_line(&mut line)? > 0, "QEMU is gone");
            let mut answer: Value = serde_json::from_str(&line)?;
            if let Some(error) = answer.pointer("/error/desc") {
                bail!("{command}: {error}");
            }
            if answer.get("id").is_some() {
                return Ok(answer.get_mut("return").map(Value::take).unwrap_or_default());
            }
        }
    }

    /// Whether migrations write each page of memory at its own place in a file; none is held back.
    pub fn map_ram(&mut self, on: bool) -> anyhow::Result<()> {
        let capability = json!({ "capabilities": [{ "capability": "mapped-ram", "state": on }] });
        self.run("migrate-set-capabilities", &capability)?;
        self.run("migrate-set-parameters", &json!({ "max-bandwidth": 1_u64 << 50 }))?;
        Ok(())
    }

    /// Stops the machine and writes it to where it says.
    pub fn migrate(&mut self, uri: &str) -> anyhow::Result<()> {
        self.run("stop", &json!({}))?;
        self.run("migrate", &json!({ "uri": uri }))?;
        self.until("query-migrate", "completed")
    }

    /// Asks until its `status` is this.
    pub fn until(&mut self, command: &str, status: &str) -> anyhow::Result<()> {
        loop {
            let answer = self.run(command, &json!({}))?;
            match answer.get("status").and_then(Value::as_str) {
                Some(now) if now == status => return Ok(()),
                Some("failed") => bail!("{command}: {answer}"),
                _ => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    pub fn finished(&mut self, id: &str) -> anyhow::Result<()> {
        loop {
            let jobs = self.run("query-jobs", &json!({}))?;
            let job = jobs.as_array().into_iter().flatten().find(|job| job["id"] == id);
            let job = job.with_context(|| format!("no job {id}"))?;
            if job["status"] == "concluded" {
                ensure!(job.get("error").is_none(), "{job}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
