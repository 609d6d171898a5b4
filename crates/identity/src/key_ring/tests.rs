//! The life of a key, table by table.

use std::path::Path;

use store::OsRandom;
use tempfile::TempDir;

use super::*;

const TENANT: u128 = 1;
const NOW: i64 = 1_800_000_000_000;

fn ring_at(dir: &Path) -> KeyRing {
    KeyRing::new(Arc::new(Store::open(dir, NOW).unwrap()))
}

fn ring() -> (TempDir, KeyRing) {
    let dir = tempfile::tempdir().unwrap();
    let ring = ring_at(dir.path());
    (dir, ring)
}

fn spec() -> KeySpec {
    KeySpec {
        tenant: TENANT,
        mode: Mode::Test,
        scopes: Scopes::of(&[Scope::PaymentsRead]),
        label: "till 4".into(),
        expires_at_ms: None,
        line: None,
        agent: None,
    }
}

fn made(ring: &KeyRing, spec: KeySpec) -> NewKey {
    ring.create(spec, NOW, &mut OsRandom).unwrap()
}

fn auth(ring: &KeyRing, presented: &str, now_ms: i64) -> &'static str {
    ring.authenticate(presented, now_ms)
        .map_or_else(|error| error.code(), |_| "ok")
}

#[test]
fn a_key_lives_from_creation_to_revocation() {
    let (_dir, ring) = ring();
    let key = made(&ring, spec());
    let secret = key.secret.expose();
    let found = ring.authenticate(secret, NOW).unwrap();
    assert_eq!(*found, key.record);
    assert!(found.require(Scope::PaymentsRead).is_ok());
    let refused = found.require(Scope::PaymentsWrite).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this API key lacks the scope payments:write"
    );

    let revoked = ring.revoke(TENANT, key.record.id, NOW + 5).unwrap();
    assert_eq!(revoked.revoked_at_ms, Some(NOW + 5));
    assert_eq!(auth(&ring, secret, NOW + 5), "auth_revoked");
    assert_eq!(
        ring.revoke(TENANT, key.record.id, NOW + 9).unwrap(),
        revoked
    );
    assert_eq!(ring.get(TENANT, key.record.id).unwrap(), Some(revoked));
}

#[test]
fn a_key_expires_at_its_time_whether_cached_or_not() {
    let (dir, ring) = ring();
    let expires_at_ms = Some(NOW + 500);
    let key = made(
        &ring,
        KeySpec {
            expires_at_ms,
            ..spec()
        },
    );
    let secret = key.secret.expose();
    for (now_ms, expected) in [
        (NOW, "ok"),
        (NOW + 499, "ok"),
        (NOW + 500, "auth_expired"),
        (NOW + 9_999, "auth_expired"),
    ] {
        assert_eq!(auth(&ring, secret, now_ms), expected, "warm at {now_ms}");
        assert_eq!(
            auth(&ring_at(dir.path()), secret, now_ms),
            expected,
            "cold at {now_ms}"
        );
    }
}

#[test]
fn each_refusal_has_its_code_and_strangers_learn_nothing() {
    let (_dir, ring) = ring();
    let alive = made(&ring, spec());
    let revoked = made(&ring, spec());
    ring.revoke(TENANT, revoked.record.id, NOW).unwrap();
    let forged = |id| token::issue(Mode::Test, id, &mut OsRandom).unwrap().0;
    let (of_alive, of_revoked) = (forged(alive.record.id), forged(revoked.record.id));
    let nowhere = forged(KeyId(9));
    let live = alive.secret.expose().replace("fk_test_", "fk_live_");
    for (presented, expected) in [
        ("", "auth_missing"),
        ("fk_test_", "auth_malformed"),
        (live.as_str(), "auth_malformed"),
        (nowhere.expose(), "auth_unknown"),
        (of_alive.expose(), "auth_unknown"),
        (of_revoked.expose(), "auth_unknown"),
        (revoked.secret.expose(), "auth_revoked"),
        (alive.secret.expose(), "ok"),
    ] {
        assert_eq!(auth(&ring, presented, NOW), expected, "{presented}");
    }
}

#[test]
fn a_revocation_elsewhere_is_seen_within_a_second() {
    let (dir, here) = ring();
    let elsewhere = ring_at(dir.path());
    let key = made(&here, spec());
    let secret = key.secret.expose();
    assert_eq!(auth(&here, secret, NOW), "ok");
    elsewhere.revoke(TENANT, key.record.id, NOW + 1).unwrap();
    assert_eq!(
        auth(&here, secret, NOW + 999),
        "ok",
        "from memory: no row was read"
    );
    assert_eq!(auth(&here, secret, NOW + 1_000), "auth_revoked");
}

#[test]
fn a_clock_set_back_does_not_keep_a_row_fresh() {
    let (dir, here) = ring();
    let key = made(&here, spec());
    assert_eq!(auth(&here, key.secret.expose(), NOW + 60_000), "ok");
    ring_at(dir.path())
        .revoke(TENANT, key.record.id, NOW)
        .unwrap();
    assert_eq!(auth(&here, key.secret.expose(), NOW), "auth_revoked");
}

#[test]
fn a_read_begun_before_a_revocation_is_not_kept() {
    let (_dir, ring) = ring();
    let key = made(&ring, spec());
    let (id, secret) = (key.record.id, key.secret.expose());
    let revision = ring.cache().revision;
    let row = ring.store.api_key(id.0).unwrap().unwrap();
    let before = Arc::new(Cached::new(row, NOW).unwrap());
    ring.revoke(TENANT, id, NOW).unwrap();
    ring.keep(revision, &before);
    assert_eq!(auth(&ring, secret, NOW), "auth_revoked");
}

#[test]
fn once_revoked_a_key_opens_nothing_however_many_are_asking() {
    let (_dir, ring) = ring();
    let key = made(&ring, spec());
    let secret = key.secret.expose();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // Each time is stale to the last, so each reads the row.
                for round in 0..1_000 {
                    let _ = ring.authenticate(secret, NOW + round * 1_000);
                }
            });
        }
        ring.revoke(TENANT, key.record.id, NOW).unwrap();
        for _ in 0..1_000 {
            assert_eq!(auth(&ring, secret, NOW), "auth_revoked");
        }
    });
}

#[test]
fn a_key_must_be_of_use() {
    let (_dir, ring) = ring();
    let label = |label: String| KeySpec { label, ..spec() };
    let rows = [
        (spec(), "ok"),
        (label("é".repeat(LABEL_CHARS_MAX)), "ok"),
        (label("é".repeat(LABEL_CHARS_MAX + 1)), "label_invalid"),
        (label(String::new()), "label_invalid"),
        (label("a\nb".into()), "label_invalid"),
        (
            KeySpec {
                scopes: Scopes::NONE,
                ..spec()
            },
            "scope_required",
        ),
        (
            KeySpec {
                expires_at_ms: Some(NOW),
                ..spec()
            },
            "expires_in_past",
        ),
        (
            KeySpec {
                expires_at_ms: Some(NOW + 1),
                ..spec()
            },
            "ok",
        ),
    ];
    for (spec, expected) in rows {
        let shown = format!("{spec:?}");
        let code = ring
            .create(spec, NOW, &mut OsRandom)
            .map_or_else(|error| error.code(), |_| "ok");
        assert_eq!(code, expected, "{shown}");
    }
}

#[test]
fn a_tenant_sees_and_ends_only_its_own_keys() {
    let (_dir, ring) = ring();
    let keys: Vec<KeyId> = (0..3)
        .map(|n| {
            ring.create(spec(), NOW + n, &mut OsRandom)
                .unwrap()
                .record
                .id
        })
        .collect();
    let other = made(
        &ring,
        KeySpec {
            tenant: 2,
            ..spec()
        },
    );
    let first = ring.list(TENANT, None, 2).unwrap();
    let rest = ring.list(TENANT, first.next, 2).unwrap();
    let listed: Vec<KeyId> = [first.items, rest.items]
        .concat()
        .iter()
        .map(|key| key.id)
        .collect();
    assert_eq!(listed, [keys[2], keys[1], keys[0]]);
    assert_eq!(rest.next, None);

    assert_eq!(ring.get(TENANT, other.record.id).unwrap(), None);
    let error = ring.revoke(TENANT, other.record.id, NOW).unwrap_err();
    assert_eq!(error.code(), "api_key_unknown");
    assert_eq!(auth(&ring, other.secret.expose(), NOW), "ok");
}

#[test]
fn last_use_is_written_down_by_a_flush_or_a_revocation() {
    let (_dir, ring) = ring();
    let key = made(&ring, spec());
    let last_used = || {
        ring.get(TENANT, key.record.id)
            .unwrap()
            .unwrap()
            .last_used_at_ms
    };
    for now_ms in [NOW, NOW + 10, NOW + 2_000] {
        assert_eq!(auth(&ring, key.secret.expose(), now_ms), "ok");
    }
    assert_eq!(last_used(), None);
    ring.flush_last_used().unwrap();
    assert_eq!(last_used(), Some(NOW + 2_000));
    assert_eq!(auth(&ring, key.secret.expose(), NOW + 2_500), "ok");
    ring.revoke(TENANT, key.record.id, NOW + 2_600).unwrap();
    assert_eq!(last_used(), Some(NOW + 2_500));
    assert_eq!(
        auth(&ring, key.secret.expose(), NOW + 2_700),
        "auth_revoked"
    );
    ring.flush_last_used().unwrap();
    assert_eq!(last_used(), Some(NOW + 2_500), "a refused use is no use");
}

#[test]
fn the_key_is_in_no_file_and_in_no_debug_output() {
    let (dir, ring) = ring();
    let key = made(&ring, spec());
    assert_eq!(auth(&ring, key.secret.expose(), NOW), "ok");
    let secret = &key.secret.expose().as_bytes()[31..74];
    let holds_secret = |bytes: &[u8]| bytes.windows(43).any(|window| window == secret);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        assert!(!holds_secret(
            &std::fs::read(entry.unwrap().path()).unwrap()
        ));
    }
    assert!(!holds_secret(format!("{key:?} {ring:?}").as_bytes()));
}

#[test]
fn a_key_never_has_both_halves_of_a_correction() {
    use Scope::{Admin, CorrectionsApprove as Approve, CorrectionsPropose as Propose};
    let (_dir, ring) = ring();
    let of = |scopes: &[Scope], line: Option<KeyId>| KeySpec {
        scopes: Scopes::of(scopes),
        line,
        ..spec()
    };
    let head = made(&ring, of(&[Admin], None)).record;
    assert_eq!(head.head(), head.id);
    assert!(head.allows(Propose) && head.allows(Approve));
    for (scopes, proposes, approves) in [
        (&[Admin][..], false, false),
        (&[Admin, Propose], true, false),
        (&[Approve], false, true),
    ] {
        assert!(head.may_grant(Scopes::of(scopes)));
        let key = made(&ring, of(scopes, Some(head.head()))).record;
        assert_eq!(key.head(), head.id);
        assert_eq!(
            (key.allows(Propose), key.allows(Approve)),
            (proposes, approves)
        );
        assert!(key.allows(Scope::WalletsRead) || !scopes.contains(&Admin));
        for half in [Propose, Approve] {
            let given = Scopes::of(&[half]);
            assert_eq!(key.may_grant(given), key.allows(half), "{scopes:?} {half}");
        }
    }
    for line in [None, Some(head.id)] {
        for scopes in [&[Propose, Approve][..], &[Admin, Propose, Approve]] {
            let error = ring.create(of(scopes, line), NOW, &mut OsRandom);
            assert_eq!(error.unwrap_err().code(), "scopes_conflict");
        }
    }
}

#[test]
fn an_agents_key_only_pays() {
    let (_dir, ring) = ring();
    let of = |scopes: &[Scope]| KeySpec {
        scopes: Scopes::of(scopes),
        agent: Some(7),
        ..spec()
    };
    for &scope in Scope::ALL {
        let allowed = scope == Scope::PaymentsWrite;
        let made = ring.create(of(&[Scope::PaymentsWrite, scope]), NOW, &mut OsRandom);
        match made {
            Ok(key) => assert!(allowed && key.record.agent == Some(7), "{scope}"),
            Err(error) => {
                assert!(!allowed, "{scope}");
                assert_eq!(error.code(), "scope_not_for_agents");
            }
        }
    }
}
