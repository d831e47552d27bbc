//! One queue for everything that a connection waits for: the host's requests and the job's words.

use std::{
    io::Read,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Instant,
};

use edgefit_protocol::message::Request;

use crate::{
    stream::{self, StreamError},
    worker::process::WorkerEvent,
};

/// Events that wait at most; whoever brings more has to wait.
const QUEUE_LENGTH: usize = 16;

/// What a connection waits for.
#[derive(Debug)]
pub(super) enum Event {
    /// The host asks.
    Request(Request),
    /// The host is gone: properly (`None`) or not.
    HostGone(Option<StreamError>),
    /// The job with this number says something.
    Worker(u64, WorkerEvent),
}

/// The queue.
pub(super) struct Inbox {
    sender: SyncSender<Event>,
    receiver: Receiver<Event>,
}

impl Inbox {
    /// A queue that the host's requests come into.
    pub(super) fn new(reader: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(QUEUE_LENGTH);
        let requests = sender.clone();
        thread::spawn(move || read_requests(reader, &requests));
        Self { sender, receiver }
    }

    /// Brings in what a job says. A connection that is gone hears nothing more.
    pub(super) fn hear(&self, job: u64) -> impl FnMut(WorkerEvent) + Send + 'static {
        let sender = self.sender.clone();
        move |event| {
            let _ = sender.send(Event::Worker(job, event));
        }
    }

    /// The next event.
    pub(super) fn next(&self) -> Event {
        self.receiver.recv().expect("the inbox keeps a sender itself")
    }

    /// The next event before a moment; `None` when there is none.
    pub(super) fn next_before(&self, deadline: Instant) -> Option<Event> {
        let patience = deadline.saturating_duration_since(Instant::now());
        match self.receiver.recv_timeout(patience) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                unreachable!("the inbox keeps a sender itself")
            }
        }
    }
}

fn read_requests(mut reader: impl Read, requests: &SyncSender<Event>) {
    loop {
        let event = match stream::read::<Request>(&mut reader) {
            Ok(Some(request)) => Event::Request(request),
            Ok(None) => Event::HostGone(None),
            Err(error) => Event::HostGone(Some(error)),
        };
        let last = matches!(event, Event::HostGone(_) | Event::Request(Request::Shutdown));
        if requests.send(event).is_err() || last {
            return;
        }
    }
}
