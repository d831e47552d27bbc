//! The line to a device: its transport, and the connection that is open, which is made anew when it breaks.

use std::{thread, time::Instant};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    handshake::Welcome,
};

use super::{
    client::{Answer, Client, GreetError, Reached},
    error::{ConnectionError, DeviceError},
    transport::{Transport, TransportError, Trouble},
    tries::Tries,
};

/// A transport with its connection.
pub(super) struct Line {
    transport: Box<dyn Transport>,
    token: Option<String>,
    retries: u32,
    client: Option<Client>,
    last_ticket: u64,
}

impl Line {
    /// A line to an agent that answers. What somebody could mend is not waited for.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when there is no agent of this version, or it refuses.
    pub(super) fn open(
        transport: Box<dyn Transport>,
        token: Option<String>,
        retries: u32,
    ) -> Result<(Self, Welcome), DeviceError> {
        let mut line = Self { transport, token, retries, client: None, last_ticket: 0 };
        let mut tries = Tries::new(retries);
        // Ends: tries are counted.
        loop {
            let error = match line.connect() {
                Ok((client, welcome)) => {
                    line.client = Some(client);
                    return Ok((line, welcome));
                }
                Err(error) => error,
            };
            let trouble = error.on_the_way().filter(|cause| cause.fix.is_none()).map(|cause| cause.trouble);
            match trouble.and_then(|trouble| tries.again(trouble, Instant::now())) {
                Some(wait) => thread::sleep(wait),
                None => return Err(error),
            }
        }
    }

    /// The number of a job that is new: it stays the same over all connections that it takes.
    pub(super) fn ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    /// Asks on the connection that is there, else on fresh ones, as often as may be. Tries are counted from the last one that got
    /// further than those before it; a question is so many bytes and phases, so that they end.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Lost`] when no connection lasted until the answer; what there is instead of an agent.
    pub(super) fn ask<T>(
        &mut self,
        mut question: impl FnMut(&mut Client) -> Answer<T>,
    ) -> Result<Result<T, JobError>, DeviceError> {
        let mut tries = Tries::new(self.retries);
        let (mut attempts, mut furthest) = (0, Reached::default());
        // Ends: tries are counted, and so is what a question can reach.
        loop {
            attempts += 1;
            let cause = match self.client() {
                Ok(client) => {
                    client.begin();
                    match question(client) {
                        Ok(answer) => return Ok(answer),
                        Err(cause) => {
                            if client.reached() > furthest {
                                furthest = client.reached();
                                tries.got_further();
                            }
                            client.explain(cause)
                        }
                    }
                }
                Err(error) => passing(error)?,
            };
            self.client = None;
            match tries.again(cause.trouble(), Instant::now()) {
                Some(wait) => thread::sleep(wait),
                None => return Err(DeviceError::Lost { device: self.transport.url(), attempts, cause }),
            }
        }
    }

    fn client(&mut self) -> Result<&mut Client, DeviceError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connect()?.0,
        };
        Ok(self.client.insert(client))
    }

    /// Connects once. What a cut connection had found on the device is taken to be there still.
    fn connect(&mut self) -> Result<(Client, Welcome), DeviceError> {
        let greeted = greet(self.transport.as_mut(), self.token.clone());
        let trouble = greeted.as_ref().err().map(|error| error.on_the_way().map(|cause| cause.trouble));
        if trouble.is_some_and(|trouble| !matches!(trouble, Some(Trouble::Absent | Trouble::Cut))) {
            self.transport.forget();
        }
        greeted
    }
}

/// What may go better over another connection. A device that serves somebody else by now is away for a while.
fn passing(error: DeviceError) -> Result<ConnectionError, DeviceError> {
    match error {
        DeviceError::Unreachable { cause, .. } if cause.trouble != Trouble::Lasting => {
            Ok(ConnectionError::Unreachable(cause))
        }
        DeviceError::Refused { cause, .. } if cause.kind == ErrorKind::Busy => {
            Ok(ConnectionError::Unreachable(TransportError::passing(Trouble::Absent, cause.to_string())))
        }
        error => Err(error),
    }
}

fn greet(transport: &mut dyn Transport, token: Option<String>) -> Result<(Client, Welcome), DeviceError> {
    let device = transport.url();
    let link = match transport.connect() {
        Ok(link) => link,
        Err(cause) => return Err(DeviceError::Unreachable { device, cause }),
    };
    let mut client = Client::new(link);
    match client.greet(token) {
        Ok(welcome) => Ok((client, welcome)),
        Err(GreetError::Handshake(cause)) => Err(DeviceError::Handshake { device, cause }),
        Err(GreetError::Refused(cause)) => Err(DeviceError::Refused { device, cause }),
        Err(GreetError::Connection(cause)) => {
            let cause = match client.explain(cause) {
                ConnectionError::Ended(cause) => cause,
                cause => TransportError::passing(cause.trouble(), cause.to_string()),
            };
            Err(DeviceError::Unreachable { device, cause })
        }
    }
}
