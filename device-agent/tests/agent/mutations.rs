//! Damaged frames and damaged models, many of them: no hang, no crash of the agent, no wrong result.

use std::io::Cursor;

use edgefit_agent::{
    server::{self, Options},
    stream,
    worker::process::Program,
};
use edgefit_protocol::{
    error::ErrorKind,
    frame,
    handshake::Hello,
    job::{Inputs, Pass},
    message::{Reply, Request},
    report::PassReport,
    runtime::RuntimeName,
};
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    host::{Host, job},
    models,
};

/// Serves what a host sends, with no program for jobs.
fn serve(requests: Vec<u8>) -> Vec<u8> {
    let program = Program { executable: "/no/such/program".into(), arguments: Vec::new(), emulator: None };
    let options = Options { program, token: None, store: None, lock: None };
    let mut answers = Vec::new();
    // Garbage is an error of the connection; what counts is that it ends.
    let _ = server::serve(Cursor::new(requests), &mut answers, &options);
    answers
}

fn greeting() -> Vec<u8> {
    frame::encode(&Hello::new("test", None)).unwrap()
}

fn requests() -> Vec<Vec<u8>> {
    let put = Request::PutBlob { sha256: [1; 32], total_bytes: 8, offset: 0, chunk: vec![1, 2, 3] };
    let probe = Request::Probe { runtime: RuntimeName::Ort, library: Some("x.so".into()) };
    let run = Request::Run { ticket: 0, job: Box::new(job([1; 32])) };
    [Request::HasBlob { sha256: [1; 32] }, put, probe, run, Request::Cancel]
        .iter()
        .map(|request| frame::encode(request).unwrap())
        .collect()
}

/// The same body with another checksum, so that the damage reaches the decoder.
fn with_right_checksum(body: &[u8]) -> Vec<u8> {
    let mut whole = (body.len() as u32).to_le_bytes().to_vec();
    whole.extend(crc32(body).to_le_bytes());
    whole.extend(body);
    whole
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bodies_end_the_connection_or_are_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
        serve([greeting(), with_right_checksum(&body)].concat());
        serve(with_right_checksum(&body));
    }

    #[test]
    fn damaged_requests_end_the_connection_or_are_answered(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        end in any::<prop::sample::Index>(),
    ) {
        let mut body = which.get(&requests())[frame::HEADER_BYTES..].to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        serve([greeting(), with_right_checksum(&body)].concat());
        body.truncate(end.index(body.len()));
        serve([greeting(), with_right_checksum(&body)].concat());
    }
}

#[test]
fn the_checksum_is_the_protocols() {
    for request in requests() {
        assert_eq!(with_right_checksum(&request[frame::HEADER_BYTES..]), request);
    }
    let answers = serve([greeting(), requests().concat()].concat());
    let mut answers = answers.as_slice();
    stream::read_body(&mut answers).unwrap().unwrap();
    assert!(matches!(stream::read::<Reply>(&mut answers), Ok(Some(Reply::Blob { complete: false, .. }))));
}

#[test]
fn damaged_models_are_errors_or_run() {
    let mut host = Host::start();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let whole = models::network(Some(1));
    for round in 0..200 {
        let mut model = whole.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..model.len());
            model[at] = rng.random_range(0..=255);
        }
        let answer = host.run_model(&model, |job| {
            job.pass = Pass::Outputs;
            job.inputs = Inputs::Seeded { seed: 1 };
            job.timeout_ns = 5_000_000_000;
            job.memory_limit_bytes = Some(2 << 30);
        });
        match answer {
            Ok((report, said)) => {
                assert_eq!(report.pass, PassReport::Outputs { samples: 1 });
                assert_eq!(said.len(), report.outputs.len());
            }
            Err(error) => assert_ne!(error.kind, ErrorKind::Internal, "round {round}: {error}"),
        }
    }
    host.assert_works();
}
