//! The answer to a session's last job, in a file beside the lock, for a host whose connection was cut before it heard it.
//!
//! There is at most one: a host has one job at a time, and asks for it again before it asks for another.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

use edgefit_protocol::message::Reply;
use serde::{Deserialize, Serialize};

use crate::stream::{self, StreamError};

/// Where a session's answer is kept.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    session: String,
}

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Answer {
    session: String,
    ticket: u64,
    reply: Reply,
}

impl Kept {
    pub(super) fn new(path: PathBuf, session: String) -> Self {
        Self { path, session }
    }

    /// Keeps an answer in place of the one before, whole or not at all.
    pub(super) fn put(&self, ticket: u64, reply: &Reply) -> Result<(), StreamError> {
        let part = self.path.with_extension("answer.part");
        let answer = Answer { session: self.session.clone(), ticket, reply: reply.clone() };
        let written =
            File::create(&part).map_err(StreamError::from).and_then(|mut file| stream::write(&mut file, &answer));
        match written {
            Ok(()) => Ok(fs::rename(part, &self.path)?),
            Err(error) => {
                // A part that is left is overwritten by the next answer.
                let _ = fs::remove_file(part);
                Err(error)
            }
        }
    }

    /// The answer under this number, if it was kept.
    pub(super) fn get(&self, ticket: u64) -> Option<Reply> {
        let mut file = io::BufReader::new(File::open(&self.path).ok()?);
        // What cannot be read is as good as not kept: the job runs again.
        let answer: Answer = stream::read(&mut file).ok()??;
        (answer.session == self.session && answer.ticket == ticket).then_some(answer.reply)
    }
}

#[cfg(test)]
mod tests {
    use edgefit_protocol::error::{ErrorKind, JobError};

    use super::*;

    #[test]
    fn only_the_last_answer_of_the_own_session_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let kept = |session: &str| Kept::new(folder.path().join("store.answer"), session.to_owned());
        let reply = |message: &str| Reply::Failed(JobError::new(ErrorKind::Crashed, message));
        assert_eq!(kept("a").get(1), None);
        kept("a").put(1, &reply("first")).unwrap();
        assert_eq!(kept("a").get(1), Some(reply("first")));
        assert_eq!((kept("b").get(1), kept("a").get(2)), (None, None));
        kept("a").put(2, &reply("second")).unwrap();
        assert_eq!((kept("a").get(1), kept("a").get(2)), (None, Some(reply("second"))));
        fs::write(folder.path().join("store.answer"), "damaged").unwrap();
        assert_eq!(kept("a").get(2), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "parts are gone");
    }
}
