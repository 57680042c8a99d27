//! The user documentation: Markdown from the repository's `docs/`, embedded at build time. Its
//! `README.md` says which pages there are and in which order, so that a repository browser and
//! `/docs` show the same structure. Nothing here is secret, and nothing comes from a visitor.

mod link;
mod page;
mod reference;
mod search;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

pub(crate) use page::{Heading, Page, Wording, code};
pub(crate) use reference::{Answer, Body, Field, Named, Operation, Shape, reference};
pub(crate) use search::Found;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../docs"]
struct Files;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::read);

/// Every page, in the order of the index.
pub(crate) struct Library {
    pub index: Page,
    pub groups: Vec<Group>,
    pages: BTreeMap<String, Page>,
    search: search::Search,
}

/// Pages that the index has under one heading.
pub(crate) struct Group {
    pub title: String,
    pub entries: Vec<Entry>,
}

pub(crate) struct Entry {
    /// The file's name without `.md`, and the end of the address.
    pub slug: String,
    pub title: String,
}

/// A page, or a heading of one.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub slug: &'a str,
    pub anchor: &'a str,
    page: &'a str,
    heading: &'a str,
}

impl Target<'_> {
    pub(crate) fn address(&self) -> String {
        let anchor = if self.anchor.is_empty() { String::new() } else { format!("#{}", self.anchor) };
        format!("/docs/{}{anchor}", self.slug)
    }

    pub(crate) fn title(&self) -> String {
        if self.heading.is_empty() {
            self.page.to_owned()
        } else {
            format!("{} › {}", self.page, self.heading)
        }
    }
}

impl Library {
    fn read() -> Self {
        let mut pages: BTreeMap<String, Page> = Files::iter()
            .filter_map(|name| Some((name.strip_suffix(".md")?.to_owned(), Page::read(&text(&name)?))))
            .collect();
        let index = pages.remove(link::INDEX).unwrap_or_else(|| Page::read(""));
        let groups = groups(&index, &pages);
        let ordered = groups.iter().flat_map(|group| &group.entries);
        let search = search::Search::over(
            ordered.filter_map(|entry| Some((entry.slug.as_str(), pages.get(&entry.slug)?))),
        );
        Self { index, groups, pages, search }
    }

    pub(crate) fn page(&self, slug: &str) -> Option<&Page> {
        self.pages.get(slug)
    }

    /// Every page and every major heading, in the order of the index.
    pub(crate) fn places(&self) -> impl Iterator<Item = Target<'_>> {
        let entries = self.groups.iter().flat_map(|group| &group.entries);
        entries.flat_map(|entry| {
            let headings = self.page(&entry.slug).map_or(&[][..], |page| &page.headings);
            let top = Target { slug: &entry.slug, page: &entry.title, anchor: "", heading: "" };
            let below = headings.iter().filter(|heading| !heading.minor).map(move |heading| Target {
                anchor: &heading.id,
                heading: &heading.title,
                ..top
            });
            std::iter::once(top).chain(below)
        })
    }

    /// What is before and after a page in the index.
    pub(crate) fn neighbours(&self, slug: &str) -> (Option<&Entry>, Option<&Entry>) {
        let entries: Vec<&Entry> = self.groups.iter().flat_map(|group| &group.entries).collect();
        let Some(here) = entries.iter().position(|entry| entry.slug == slug) else {
            return (None, entries.first().copied());
        };
        let before = here.checked_sub(1).and_then(|at| entries.get(at)).copied();
        (before, entries.get(here + 1).copied())
    }

    pub(crate) fn find(&self, query: &str, most: usize) -> Vec<Found<'_>> {
        self.search.find(query, most)
    }
}

/// The documentation, read once.
pub(crate) fn library() -> &'static Library {
    &LIBRARY
}

/// A picture that pages show.
pub(crate) fn picture(name: &str) -> Option<Vec<u8>> {
    Some(Files::get(&format!("images/{name}"))?.data.into_owned())
}

fn text(name: &str) -> Option<String> {
    String::from_utf8(Files::get(name)?.data.into_owned()).ok()
}

/// The index's headings with the pages that are linked to under each.
fn groups(index: &Page, pages: &BTreeMap<String, Page>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for mark in index.outline() {
        match mark {
            page::Mark::Heading(title) => groups.push(Group { title, entries: Vec::new() }),
            page::Mark::Link(target) => {
                let slug = target.strip_suffix(".md").unwrap_or_default().to_owned();
                if let (Some(group), Some(page)) = (groups.last_mut(), pages.get(&slug)) {
                    group.entries.push(Entry { slug, title: page.title.clone() });
                }
            }
        }
    }
    groups.retain(|group| !group.entries.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_index_has_every_page_once() {
        let library = library();
        let listed: Vec<&str> =
            library.groups.iter().flat_map(|group| &group.entries).map(|entry| entry.slug.as_str()).collect();
        let unique: BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(unique.len(), listed.len(), "a page is twice in docs/README.md: {listed:?}");
        let known: BTreeSet<&str> = library.pages.keys().map(String::as_str).collect();
        assert_eq!(unique, known, "docs/README.md has a line for every page in docs/, and no other");
        assert!(known.len() >= 8, "{known:?}");
    }

    #[test]
    fn pages_are_plain_markdown_with_one_title() {
        let all = library().pages.iter().map(|(slug, page)| (slug.as_str(), page));
        for (slug, page) in all.chain([(link::INDEX, &library().index)]) {
            assert_eq!(page.refused(), Vec::<String>::new(), "docs/{slug}.md");
            assert!(!page.title.is_empty(), "docs/{slug}.md begins with a heading of level 1");
        }
    }

    /// As a repository browser sees links; `tests/docs.rs` follows them as a visitor does.
    #[test]
    fn every_link_between_files_leads_to_a_file_and_to_a_heading_in_it() {
        let mut checked = 0;
        let all = library().pages.iter().map(|(slug, page)| (slug.as_str(), page));
        for (slug, page) in all.chain([(link::INDEX, &library().index)]) {
            for target in page.targets() {
                let (path, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
                match link::kind(&target) {
                    link::Kind::Outside => continue,
                    link::Kind::Reference => assert_eq!(anchor, "", "{target} in docs/{slug}.md"),
                    link::Kind::Picture(name) => {
                        assert!(picture(name).is_some(), "{target} in docs/{slug}.md: no such picture");
                    }
                    link::Kind::Page => {
                        let name = path.strip_suffix(".md").unwrap_or(slug);
                        let other =
                            if name == link::INDEX { Some(&library().index) } else { library().page(name) };
                        let other =
                            other.unwrap_or_else(|| panic!("{target} in docs/{slug}.md: no such page"));
                        let known = anchor.is_empty() || other.headings.iter().any(|h| h.id == anchor);
                        assert!(known, "{target} in docs/{slug}.md: no such heading");
                    }
                    link::Kind::Refused => panic!(
                        "{target} in docs/{slug}.md: link to a page of docs/, to {} or to https://…",
                        link::REFERENCE
                    ),
                }
                checked += 1;
            }
        }
        assert!(checked > 20, "only {checked} links");
    }
}
