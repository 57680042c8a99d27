//! Who looks at each desktop's screen, and which of them decides its size: whoever pressed a key or a
//! button last, drives. What another would like waits until it drives; when who drives leaves, the one before
//! drives again, and the screen gets the size that one had asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rolltop_model::DesktopId;
use tokio::sync::Notify;

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Viewers(Arc<Mutex<HashMap<DesktopId, Seats>>>);

#[derive(Default)]
struct Seats {
    last: u64,
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
    pub fn come(&self, desktop: DesktopId) -> Viewer {
        let mut all = self.all();
        let seats = all.entry(desktop).or_default();
        seats.last += 1;
        let (number, drives) = (seats.last, Arc::new(Notify::new()));
        seats.order.insert(0, Seat { number, wish: None, drives: drives.clone() });
        Viewer { viewers: self.clone(), desktop, number, drives }
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
        wish
    }

    /// It asks for a size, which is kept in mind; whether it is to be asked for now.
    pub fn wishes(&self, message: &[u8]) -> bool {
        let mut all = self.viewers.all();
        let Some(seats) = all.get_mut(&self.desktop) else { return false };
        if let Some(seat) = seats.order.iter_mut().find(|seat| seat.number == self.number) {
            seat.wish = Some(message.to_vec());
        }
        seats.order.last().is_some_and(|seat| seat.number == self.number)
    }

    /// Waits until it drives because another has left; then what it wished for is to be asked for.
    pub async fn left_alone(&self) -> Option<Vec<u8>> {
        self.drives.notified().await;
        let all = self.viewers.all();
        let driving = all.get(&self.desktop)?.order.last()?;
        (driving.number == self.number).then(|| driving.wish.clone()).flatten()
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
        let (first, second) = (viewers.come(DesktopId::from_u128(1)), viewers.come(DesktopId::from_u128(1)));
        let elsewhere = viewers.come(DesktopId::from_u128(2));
        assert!(elsewhere.wishes(b"other") && first.wishes(b"large"), "each drives its own desktop");
        assert!(!second.wishes(b"small"), "whoever only looks changes nothing");
        assert_eq!(first.pressed(), None, "it drives already");
        assert_eq!(second.pressed().as_deref(), Some(&b"small"[..]));
        assert!(!first.wishes(b"larger"));
        drop(second);
        assert_eq!(first.left_alone().await.as_deref(), Some(&b"larger"[..]));
        drop(viewers.come(DesktopId::from_u128(1)));
        assert!(first.wishes(b"large"), "one that came and left took nothing");
        drop((first, elsewhere));
        assert!(viewers.all().is_empty());
    }
}
