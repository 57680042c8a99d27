//! Who looks at each desktop's screen, and which of them decides its size: whoever pressed a key or a
//! button last, drives. What another would like waits until it drives; when who drives leaves, the one before
//! drives again, and the screen gets the size that one had asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::kernel::state::default_state;
use rolltop_model::DesktopId;
use tokio::sync::Notify;

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Viewers(Arc<Mutex<HashMap<DesktopId, Seats>>>);
default_state!(Viewers);

#[derive(Default)]
struct Seats {
    last: u64,
    /// No wish is granted: the screen keeps a size of its own.
    fixed: bool,
    /// The last one drives.
    order: Vec<Seat>,
}

struct Seat {
    number: u64,
    /// The message by which it asked for a size.
    wish: Option<Vec<u8>>,
    /// Tells it that it has come to drive.
    drives: Arc<Notify>,
}

/// One viewer's, as long as it looks.
pub(crate) struct Viewer {
    viewers: Viewers,
    desktop: DesktopId,
    number: u64,
    drives: Arc<Notify>,
}

impl Viewers {
    /// Somebody comes, and drives if nobody else is there.
    pub fn come(&self, desktop: DesktopId, fixed: bool) -> Viewer {
        let mut all = self.all();
        let seats = all.entry(desktop).or_default();
        seats.last += 1;
        seats.fixed = fixed;
        let (number, drives) = (seats.last, Arc::new(Notify::new()));
        seats.order.insert(0, Seat { number, wish: None, drives: drives.clone() });
        Viewer { viewers: self.clone(), desktop, number, drives }
    }

    /// From now on the screen keeps its size, or follows who drives again.
    pub fn fix(&self, desktop: DesktopId, fixed: bool) {
        let mut all = self.all();
        let Some(seats) = all.get_mut(&desktop) else { return };
        seats.fixed = fixed;
        if let Some(driving) = seats.order.last() {
            driving.drives.notify_one();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<DesktopId, Seats>> {
        // No change is left half done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewer {
    /// It pressed something: it drives now. What it wished for is then to be asked for, unless it drove already.
    pub fn pressed(&self) -> Option<Vec<u8>> {
        let mut all = self.viewers.all();
        let seats = all.get_mut(&self.desktop)?;
        let at = seats.order.iter().position(|seat| seat.number == self.number)?;
        if at + 1 == seats.order.len() {
            return None;
        }
        let seat = seats.order.remove(at);
        let wish = seat.wish.clone();
        seats.order.push(seat);
        wish.filter(|_| !seats.fixed)
    }

    /// It asks for a size, which is kept in mind; whether it is to be asked for now.
    pub fn wishes(&self, message: &[u8]) -> bool {
        let mut all = self.viewers.all();
        let Some(seats) = all.get_mut(&self.desktop) else { return false };
        if let Some(seat) = seats.order.iter_mut().find(|seat| seat.number == self.number) {
            seat.wish = Some(message.to_vec());
        }
        !seats.fixed && seats.order.last().is_some_and(|seat| seat.number == self.number)
    }

    /// Waits until it drives because another has left; then what it wished for is to be asked for.
    pub async fn left_alone(&self) -> Option<Vec<u8>> {
        self.drives.notified().await;
        let all = self.viewers.all();
        let seats = all.get(&self.desktop)?;
        let driving = seats.order.last()?;
        (driving.number == self.number && !seats.fixed).then(|| driving.wish.clone()).flatten()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut all = self.viewers.all();
        let Some(seats) = all.get_mut(&self.desktop) else { return };
        let drove = seats.order.last().is_some_and(|seat| seat.number == self.number);
        seats.order.retain(|seat| seat.number != self.number);
        match seats.order.last() {
            Some(next) if drove => next.drives.notify_one(),
            Some(_) => {}
            None => drop(all.remove(&self.desktop)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_pressed_last_decides_and_who_leaves_gives_it_back() {
        let viewers = Viewers::default();
        let (first, second) =
            (viewers.come(DesktopId::from_u128(1), false), viewers.come(DesktopId::from_u128(1), false));
        let elsewhere = viewers.come(DesktopId::from_u128(2), false);
        assert!(elsewhere.wishes(b"other") && first.wishes(b"large"), "each drives its own desktop");
        assert!(!second.wishes(b"small"), "whoever only looks changes nothing");
        assert_eq!(first.pressed(), None, "it drives already");
        assert_eq!(second.pressed().as_deref(), Some(&b"small"[..]));
        assert!(!first.wishes(b"larger"));
        drop(second);
        assert_eq!(first.left_alone().await.as_deref(), Some(&b"larger"[..]));
        drop(viewers.come(DesktopId::from_u128(1), false));
        assert!(first.wishes(b"large"), "one that came and left took nothing");
        drop((first, elsewhere));
        assert!(viewers.all().is_empty());
    }

    #[tokio::test]
    async fn a_screen_that_keeps_its_size_grants_no_wish_until_it_follows_again() {
        let (viewers, desktop) = (Viewers::default(), DesktopId::from_u128(1));
        let (first, second) = (viewers.come(desktop, true), viewers.come(desktop, true));
        assert!(!first.wishes(b"first") && !second.wishes(b"second"));
        assert_eq!((first.pressed(), second.pressed()), (None, None));
        viewers.fix(desktop, false);
        assert_eq!(second.left_alone().await.as_deref(), Some(&b"second"[..]), "who drives is asked");
        viewers.fix(desktop, true);
        assert_eq!(first.pressed(), None);
    }
}
