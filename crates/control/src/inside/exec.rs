//! Commands of the session's user, run for a program or a person and over with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rolltop_boxed::boxed;
use rolltop_door::{Door, Process, StartError};
use rolltop_guest_protocol::exec::{ExecFailureKind, ExecRequest};
use rolltop_model::{DesktopId, Use};

use crate::inside::enter::EnterError;
use crate::inside::enter::{Waking, unavailable};
use crate::inside::notes::Reason;
use crate::inside::uses::{Comes, MOST_COMMANDS, UseGuard};
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::explained;

/// What a text is run with.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

explained! {
    pub enum ExecError: Enter(EnterError) {
        BadCommand => InvalidCommand in "command", "A command needs a program, and none of its words may have a null character.";
        BadFolder => FolderNotFound in "cwd", "A folder's name may have no null character.";
        BadVariable => InvalidCommand in "env", "A variable needs a name without = in it, and may have no null character.";
        /// The guest's own sentences.
        NoSuchProgram(String) => CommandNotFound in "command", "{0}";
        NotExecutable(String) => NotExecutable in "command", "{0}";
        NoSuchFolder(String) => FolderNotFound in "cwd", "{0}";
        NotSupported => NoExec, "This desktop was made from a template that can't run commands this way; make a new one.";
        TooMany => TooManyCommands after 5, "{MOST_COMMANDS} commands run in this desktop already; end one first.";
    }
}

/// A command that can be run, whatever comes of it.
pub struct ExecCommand(ExecRequest);

impl ExecCommand {
    /// A program with its arguments.
    pub fn of_words(words: Vec<String>) -> Result<Self, ExecError> {
        let has_program = words.first().is_some_and(|program| !program.is_empty());
        if !has_program || words.iter().any(|word| word.contains('\0')) {
            return Err(ExecError::BadCommand);
        }
        Ok(Self(ExecRequest { command: words, ..ExecRequest::default() }))
    }

    /// A text for `/bin/sh`.
    pub fn of_shell(text: String) -> Result<Self, ExecError> {
        Self::of_words(SHELL.into_iter().map(str::to_owned).chain([text]).collect())
    }

    /// Run in another folder than the user's home.
    pub fn in_folder(mut self, folder: String) -> Result<Self, ExecError> {
        if folder.contains('\0') {
            return Err(ExecError::BadFolder);
        }
        self.0.cwd = Some(folder);
        Ok(self)
    }

    /// With these variables besides the session's.
    pub fn with_variables(mut self, variables: BTreeMap<String, String>) -> Result<Self, ExecError> {
        let is_bad = |(name, value): (&String, &String)| {
            name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
        };
        if variables.iter().any(is_bad) {
            return Err(ExecError::BadVariable);
        }
        self.0.env = variables;
        Ok(self)
    }
}

/// The way to run one command in a desktop, noted in its owner's access log. Held while it runs.
pub struct ExecLine {
    door: Arc<Door>,
    kernel: Arc<Kernel>,
    desktop: DesktopId,
    _place: UseGuard,
}

impl ExecLine {
    /// Starts it. Letting go of the process's output ends it.
    pub async fn start(&self, command: ExecCommand) -> Result<Process, ExecError> {
        let coming = self.kernel.coming(self.desktop);
        let started = match self.door.start(command.0.clone()).await {
            Err(StartError::NotSupported | StartError::Process(_))
                if self.kernel.mended(self.desktop, &self.door).await =>
            {
                self.door.start(command.0).await
            }
            other => other,
        };
        if matches!(started, Ok(_) | Err(StartError::Refused(_) | StartError::NotSupported)) {
            coming.let_in();
        }
        started.map_err(|error| match error {
            StartError::Refused(failure) => match failure.kind {
                ExecFailureKind::NotFound => ExecError::NoSuchProgram(failure.error),
                ExecFailureKind::NotExecutable => ExecError::NotExecutable(failure.error),
                ExecFailureKind::NoFolder => ExecError::NoSuchFolder(failure.error),
                ExecFailureKind::Other => ExecError::NotExecutable(failure.error),
            },
            StartError::NotSupported => ExecError::NotSupported,
            StartError::TimedOut(_)
            | StartError::Channel(_)
            | StartError::Request(_)
            | StartError::Process(_) => unavailable(error).into(),
        })
    }
}

#[boxed]
impl Control {
    /// The way to run a command in a desktop, which is resumed for it if it is suspended.
    pub async fn exec(&self, access: &DesktopAccess<purpose::Exec>) -> Result<ExecLine, ExecError> {
        let place = self.kernel.place(access, Use::Command, Comes::Person).await.map_err(EnterError::from)?;
        let place = place.ok_or(ExecError::TooMany)?;
        let door = self.enter(access, Reason::Exec, &place, Waking::Wake).await?;
        let (kernel, desktop) = (Arc::clone(&self.kernel), access.desktop);
        Ok(ExecLine { door, kernel, desktop, _place: place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_run_is_a_command() {
        assert!(ExecCommand::of_words(vec!["ls".into(), String::new()]).is_ok());
        for bad in [vec![], vec![String::new()], vec!["ls".to_owned(), "a\0b".to_owned()]] {
            assert!(matches!(ExecCommand::of_words(bad), Err(ExecError::BadCommand)));
        }
        let shell = ExecCommand::of_shell("echo hi; exit 3".into()).unwrap();
        assert_eq!(shell.0.command, ["/bin/sh", "-c", "echo hi; exit 3"]);
        let variables = |name: &str| BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        let command = || ExecCommand::of_words(vec!["ls".into()]).unwrap();
        assert!(command().with_variables(variables("A")).is_ok());
        assert!(command().with_variables(variables("A=B")).is_err());
        assert!(command().with_variables(variables("")).is_err());
        assert!(command().in_folder("/tmp\0".into()).is_err());
    }
}
