//! Commands in a desktop, over the API.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use rolltop_api_types::{ExecEvent, ExecExit, ExecRequest};
use rolltop_model::DesktopId;

use crate::Platform;

/// Longest silence of a command: an emulated browser's first start takes minutes.
const PATIENCE: Duration = Duration::from_secs(300);

impl Platform {
    /// What a command wrote to standard output, and how it ended.
    pub async fn exec(
        &self,
        desktop: DesktopId,
        request: &ExecRequest,
    ) -> anyhow::Result<(String, ExecExit)> {
        let mut stream = self.client.exec(desktop, request).await?;
        let mut said = Vec::new();
        while let Some(event) = tokio::time::timeout(PATIENCE, stream.next()).await? {
            match event? {
                ExecEvent::Stdout(output) => said.extend(output.bytes().context("its bytes")?),
                ExecEvent::Exit(exit) => return Ok((String::from_utf8(said)?, exit)),
                ExecEvent::Error(problem) => bail!("{problem:?}"),
                ExecEvent::Started | ExecEvent::Stderr(_) | ExecEvent::Input { .. } => {}
            }
        }
        bail!("the stream ended before the command did")
    }

    /// What a script for the desktop's shell wrote; an error if it failed.
    pub async fn shell(&self, desktop: DesktopId, script: &str) -> anyhow::Result<String> {
        let words = ["sh", "-c", script].map(str::to_owned).to_vec();
        let (said, exit) = self.exec(desktop, &ExecRequest::of_words(words)).await?;
        if exit.code != Some(0) {
            bail!("{script} ended with {exit:?}: {said}");
        }
        Ok(said)
    }
}
