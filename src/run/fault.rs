//! How wgpu's failures become the crate's errors.
//!
//! wgpu reports a failed call to the innermost error scope of the calling thread. [`Scopes`] pushes one scope for each
//! class of error around a group of calls and pops them all again, also when the calls are left by `?`, so that a host
//! whose device we borrow never sees an error of ours. Popping gives futures: on native targets they are ready at once,
//! in a browser they resolve later. A [`Ticket`] stands for the outcome in both cases and travels with the buffers that
//! the calls were to fill, so that a result of a failed submission is refused whenever it is asked for.

use crate::error::{Error, Result};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A lock whose holder panicked protects nothing that a panic could have left half done: go on with it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The future of one check.
pub(super) type Check = Pin<Box<dyn Future<Output = Option<Error>> + Send>>;

/// Error scopes for out-of-memory, validation and internal errors.
pub(super) struct Scopes {
    // dropped, where `?` leaves early, in the order of declaration: the reverse of pushing
    validation: wgpu::ErrorScopeGuard,
    internal: wgpu::ErrorScopeGuard,
    memory: wgpu::ErrorScopeGuard,
}

impl Scopes {
    pub fn push(device: &wgpu::Device) -> Self {
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        Self { memory, internal, validation }
    }

    /// Pops the scopes; `label` and `bytes` describe the calls in messages.
    pub fn pop(self, label: &str, bytes: u64) -> Outcome {
        let mut checks = Vec::new();
        let mut failure = None;
        for mut scope in [boxed(self.validation.pop()), boxed(self.internal.pop()), boxed(self.memory.pop())] {
            match scope.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(error)) => failure = failure.or_else(|| Some(translate(&error, label, bytes))),
                Poll::Pending => {
                    let label = label.to_owned();
                    checks.push(Box::pin(async move { scope.await.map(|e| translate(&e, &label, bytes)) }) as Check);
                }
            }
        }
        match failure {
            Some(error) => Outcome::Failed(error),
            None if checks.is_empty() => Outcome::Fine,
            None => Outcome::Unknown(checks),
        }
    }
}

fn boxed(
    future: impl Future<Output = Option<wgpu::Error>> + Send + 'static,
) -> Pin<Box<dyn Future<Output = Option<wgpu::Error>> + Send>> {
    Box::pin(future)
}

/// What popping the scopes has shown.
pub(super) enum Outcome {
    Fine,
    Failed(Error),
    /// To be known later (in a browser).
    Unknown(Vec<Check>),
}

fn translate(error: &wgpu::Error, label: &str, bytes: u64) -> Error {
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::OutOfMemory { what: label.into(), bytes },
        wgpu::Error::Validation { description, .. } => {
            Error::Validation { label: label.into(), message: tidy(description) }
        }
        wgpu::Error::Internal { description, .. } => {
            Error::Validation { label: label.into(), message: format!("internal error: {}", tidy(description)) }
        }
    }
}

/// wgpu's message without its boilerplate, on one line unless it shows source text.
fn tidy(description: &str) -> String {
    let text = description.trim().trim_start_matches("Validation Error").trim().trim_start_matches("Caused by:").trim();
    if text.contains('│') || text.contains("┌") {
        return text.to_owned();
    }
    text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(": ")
}

/// The outcome of a submission, perhaps not known yet.
pub(super) struct Ticket(Mutex<State>);

enum State {
    Waiting { checks: Vec<Check>, parents: Vec<Arc<Ticket>>, failure: Option<Arc<Error>> },
    Done(Result<(), Arc<Error>>),
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket({:?})", self.now())
    }
}

impl Ticket {
    /// A known outcome.
    pub fn done(result: Result<(), Arc<Error>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Done(result))))
    }

    /// An outcome that hangs on its own checks and on the outcomes of what it reads.
    pub fn waiting(checks: Vec<Check>, parents: Vec<Arc<Ticket>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Waiting { checks, parents, failure: None })))
    }

    /// The outcome, if it is known by now.
    pub fn now(&self) -> Option<Result<(), Arc<Error>>> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    /// As a future's.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<(), Arc<Error>>> {
        let mut state = lock(&self.0);
        let result = match &mut *state {
            State::Done(result) => return Poll::Ready(result.clone()),
            State::Waiting { checks, parents, failure } => {
                checks.retain_mut(|check| match check.as_mut().poll(cx) {
                    Poll::Pending => true,
                    Poll::Ready(found) => {
                        if let (None, Some(error)) = (&failure, found) {
                            *failure = Some(Arc::new(error));
                        }
                        false
                    }
                });
                parents.retain(|parent| match parent.poll(cx) {
                    Poll::Pending => true,
                    Poll::Ready(result) => {
                        if let (None, Err(error)) = (&failure, result) {
                            *failure = Some(error);
                        }
                        false
                    }
                });
                match failure.take() {
                    Some(error) => Err(error),
                    None if checks.is_empty() && parents.is_empty() => Ok(()),
                    None => return Poll::Pending,
                }
            }
        };
        *state = State::Done(result.clone());
        Poll::Ready(result)
    }
}

/// A value that a callback of wgpu sends once, to be awaited or (natively) waited for.
#[derive(Debug)]
pub(super) struct Letter<T> {
    /// The value, who waits for it, whether it was sent.
    slot: Mutex<(Option<T>, Option<Waker>, bool)>,
    #[cfg(not(target_arch = "wasm32"))]
    arrived: std::sync::Condvar,
}

impl<T> Letter<T> {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            slot: Mutex::new((None, None, false)),
            #[cfg(not(target_arch = "wasm32"))]
            arrived: std::sync::Condvar::new(),
        })
    }

    /// Delivers; the first value stays.
    pub fn send(&self, value: T) {
        let mut slot = lock(&self.slot);
        if !std::mem::replace(&mut slot.2, true) {
            slot.0 = Some(value);
        }
        let waker = slot.1.take();
        drop(slot);
        #[cfg(not(target_arch = "wasm32"))]
        self.arrived.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<T> {
        let mut slot = lock(&self.slot);
        match slot.0.take() {
            Some(value) => Poll::Ready(value),
            None => {
                slot.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Whether a value arrives within `patience`.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn has_come(&self, patience: std::time::Duration) -> bool {
        let slot = lock(&self.slot);
        let (slot, _) = self
            .arrived
            .wait_timeout_while(slot, patience, |s| s.0.is_none() && !s.2)
            .unwrap_or_else(PoisonError::into_inner);
        slot.0.is_some() || slot.2
    }

    /// The value, if it arrives within `patience`.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn take(&self, patience: std::time::Duration) -> Option<T> {
        let slot = lock(&self.slot);
        let (mut slot, _) =
            self.arrived.wait_timeout_while(slot, patience, |s| s.0.is_none()).unwrap_or_else(PoisonError::into_inner);
        slot.0.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_lose_their_boilerplate() {
        let raw = "Validation Error\n\nCaused by:\n  In Queue::submit\n    Buffer 'x' has been destroyed\n";
        assert_eq!(tidy(raw), "In Queue::submit: Buffer 'x' has been destroyed");
    }

    #[test]
    fn a_ticket_fails_with_its_parent() {
        let bad = Ticket::done(Err(Arc::new(Error::DeviceLost { reason: "test".into() })));
        let child = Ticket::waiting(vec![Box::pin(async { None })], vec![bad]);
        assert!(matches!(child.now(), Some(Err(_))));
        let fine = Ticket::waiting(vec![Box::pin(async { None })], vec![Ticket::done(Ok(()))]);
        assert!(matches!(fine.now(), Some(Ok(()))));
        let open = Ticket::waiting(vec![Box::pin(std::future::pending())], Vec::new());
        assert!(open.now().is_none());
    }

    #[test]
    fn a_letter_arrives_once() {
        let letter = Letter::new();
        letter.send(1);
        letter.send(2);
        assert_eq!(letter.take(std::time::Duration::ZERO), Some(1));
        assert_eq!(letter.take(std::time::Duration::ZERO), None);
    }
}
