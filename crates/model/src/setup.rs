//! What a new desktop is prepared with: a git repository and a script.

use std::fmt;
use std::str::FromStr;

/// Longest script, bytes.
pub const MOST_SCRIPT: usize = 64 * 1024;
/// Longest address of a repository, bytes.
const MOST_REPOSITORY: usize = 1000;
/// Longest name of a branch or tag, bytes.
const MOST_BRANCH: usize = 200;

/// The address of a git repository: `https://`, `http://`, `git://` or `ssh://`, or `user@host:path`. Without a
/// password, which git would write down, and nothing that git takes for an option or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    #[error("A repository's address begins with https://, http://, git:// or ssh://, or is user@host:path.")]
    NoAddress,
    #[error(
        "A repository's address may have no password in it, because git would write it down; use the script instead."
    )]
    HasPassword,
    #[error("A repository's address ends with its name, of letters, digits, dots, hyphens and underscores.")]
    NoName,
}

impl Repository {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that it comes into, in the user's home.
    pub fn folder(&self) -> &str {
        folder(&self.0).unwrap_or("repository")
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Repository {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain || text.len() > MOST_REPOSITORY {
            return Err(RepositoryError::NoAddress);
        }
        let (host, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                if !matches!(scheme, "https" | "http" | "git" | "ssh") {
                    return Err(RepositoryError::NoAddress);
                }
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                if host.split_once('@').is_some_and(|(user, _)| scheme != "ssh" || user.contains(':')) {
                    return Err(RepositoryError::HasPassword);
                }
                (host, path)
            }
            None => {
                let (host, path) = text.split_once(':').ok_or(RepositoryError::NoAddress)?;
                let (user, _) = host.split_once('@').ok_or(RepositoryError::NoAddress)?;
                if user.is_empty() || host.contains('/') {
                    return Err(RepositoryError::NoAddress);
                }
                (host, path)
            }
        };
        let name = host.rsplit('@').next().unwrap_or_default();
        if name.is_empty() || host.starts_with('-') || name.starts_with('-') {
            return Err(RepositoryError::NoAddress);
        }
        folder(path).ok_or(RepositoryError::NoName)?;
        Ok(Self(text.to_owned()))
    }
}

/// The last part of a path, without `.git`.
fn folder(path: &str) -> Option<&str> {
    let path = path.trim_end_matches('/');
    let name = path.rsplit(['/', ':']).next().unwrap_or_default();
    let name = name.strip_suffix(".git").unwrap_or(name);
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_name = !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(is_known);
    is_name.then_some(name)
}

/// A branch or tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("There is no branch or tag of such a name.")]
pub struct BranchError;

impl Branch {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Branch {
    type Err = BranchError;

    /// As far as git has rules for all of them.
    fn from_str(text: &str) -> Result<Self, BranchError> {
        let is_bad =
            |letter: char| letter.is_whitespace() || letter.is_control() || "~^:?*[\\".contains(letter);
        let has_rules = !text.is_empty()
            && text.len() <= MOST_BRANCH
            && !text.starts_with(['-', '/'])
            && !text.ends_with(['/', '.'])
            && !text.contains("..")
            && !text.contains(is_bad);
        if has_rules { Ok(Self(text.to_owned())) } else { Err(BranchError) }
    }
}

/// What a desktop is prepared with, once it runs: the repository is cloned, then the script is run in it, or at home
/// where there is none.
#[derive(Clone, PartialEq, Eq)]
pub struct Setup {
    pub repository: Option<Repository>,
    pub branch: Option<Branch>,
    /// What its first line names runs it, or `sh`.
    pub script: Option<String>,
}

/// The script may have secrets in it.
impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.script.as_ref().map(String::len);
        let Self { repository, branch, .. } = self;
        f.debug_struct("Setup")
            .field("repository", repository)
            .field("branch", branch)
            .field("script_bytes", &script)
            .finish()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error(transparent)]
    Branch(#[from] BranchError),
    #[error("A branch needs a repository that it is of.")]
    BranchOfNothing,
    #[error("A setup script has 1 to {MOST_SCRIPT} bytes and no null character.")]
    Script,
    #[error("A setup needs a repository or a script.")]
    Empty,
}

impl SetupError {
    /// Which of its parts is wrong.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Repository(_) | Self::Empty => "repository",
            Self::Branch(_) | Self::BranchOfNothing => "branch",
            Self::Script => "script",
        }
    }
}

impl Setup {
    /// Of texts as they were given.
    pub fn parse(
        repository: Option<&str>,
        branch: Option<&str>,
        script: Option<&str>,
    ) -> Result<Self, SetupError> {
        let repository = repository.map(str::parse::<Repository>).transpose()?;
        let branch = branch.map(str::parse::<Branch>).transpose()?;
        if branch.is_some() && repository.is_none() {
            return Err(SetupError::BranchOfNothing);
        }
        // As a form sends it; a shell stumbles over them.
        let script = script.map(|script| script.replace("\r\n", "\n"));
        let is_bad =
            |script: &String| script.trim().is_empty() || script.len() > MOST_SCRIPT || script.contains('\0');
        if script.as_ref().is_some_and(is_bad) {
            return Err(SetupError::Script);
        }
        if repository.is_none() && script.is_none() {
            return Err(SetupError::Empty);
        }
        Ok(Self { repository, branch, script })
    }
}

#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SetupState {
    /// For the desktop to run.
    Waiting,
    Running,
    Done,
    Failed,
}

impl SetupState {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_what_git_fetches_and_nothing_else() {
        let good = [
            ("https://example.org/a/tools.git", "tools"),
            ("https://example.org:8443/a/tools/", "tools"),
            ("http://127.0.0.1:8000/x.git", "x"),
            ("git://example.org/x_1.2", "x_1.2"),
            ("ssh://git@example.org/a/tools", "tools"),
            ("git@example.org:a/tools.git", "tools"),
            ("git@example.org:tools", "tools"),
        ];
        for (text, folder) in good {
            assert_eq!(
                text.parse::<Repository>().map(|known| known.folder().to_owned()),
                Ok(folder.to_owned())
            );
        }
        let bad = [
            "",
            "tools",
            "/srv/tools.git",
            "file:///etc/tools",
            "ext::sh -c touch% x",
            "-u:x@y/z",
            "--upload-pack=touch x",
            "ssh://-oProxyCommand=x/tools",
            "ssh://git@-oProxyCommand=x/tools",
            "-x@example.org:tools",
            "https://example.org/..",
            "https://example.org/",
            "https:///tools",
            "https://example.org/a b",
            "https://example.org/a$(b)",
            "@example.org:tools",
        ];
        for text in bad {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
        for text in
            ["https://sam:secret@example.org/x", "https://token@example.org/x", "ssh://a:b@example.org/x"]
        {
            assert_eq!(text.parse::<Repository>(), Err(RepositoryError::HasPassword), "{text}");
        }
    }

    #[test]
    fn branches_keep_to_gits_rules() {
        for good in ["main", "feature/a-b", "v1.2.3", "größe"] {
            assert!(good.parse::<Branch>().is_ok(), "{good}");
        }
        for bad in ["", "-x", "a b", "a..b", "a:b", "a~1", "/a", "a/", "a.", "a\nb", "a*"] {
            assert!(bad.parse::<Branch>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_setup_has_something_to_do_and_keeps_its_script_to_itself() {
        let parse = |repository, branch, script| Setup::parse(repository, branch, script);
        assert_eq!(parse(None, None, None), Err(SetupError::Empty));
        assert_eq!(parse(None, Some("main"), Some("true")), Err(SetupError::BranchOfNothing));
        assert_eq!(parse(None, None, Some(" \n")), Err(SetupError::Script));
        assert_eq!(parse(None, None, Some("a\0")), Err(SetupError::Script));
        let long = "x".repeat(MOST_SCRIPT + 1);
        assert_eq!(parse(None, None, Some(&long)), Err(SetupError::Script));
        let setup = parse(Some("https://example.org/x"), Some("main"), Some("echo a\r\necho b\r\n")).unwrap();
        assert_eq!(setup.script.as_deref(), Some("echo a\necho b\n"));
        assert!(!format!("{setup:?}").contains("echo"));
    }
}
