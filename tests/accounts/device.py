"""A device that makes passkeys, in software: what a browser and an authenticator answer together (WebAuthn Level 3)."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestedCredentialData, AuthenticatorData

PRESENT, VERIFIED, ATTESTED = AuthenticatorData.FLAG.UP, AuthenticatorData.FLAG.UV, AuthenticatorData.FLAG.AT


@dataclass
class Device:
    """One passkey. `counter` grows with every answer; `flags` say what the device has made sure of."""

    origin: str
    flags: AuthenticatorData.FLAG = PRESENT | VERIFIED
    counter: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: str = ""

    def make(self, options: str) -> str:
        """The answer to `navigator.credentials.create`."""
        asked = json.loads(options)
        self.user_handle = asked["user"]["id"]
        credential = AttestedCredentialData.create(
            b"\0" * 16,
            self.id,
            ES256.from_cryptography_key(self.key.public_key()),  # type: ignore[no-untyped-call]
        )
        data = AuthenticatorData.create(
            self._rp_hash(asked["rp"]["id"]), self.flags | ATTESTED, self._counted(), bytes(credential)
        )
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": bytes(data)})
        return self._answer(
            clientDataJSON=self._client_data("webauthn.create", asked), attestationObject=attestation
        )

    def sign(self, options: str) -> str:
        """The answer to `navigator.credentials.get`."""
        asked = json.loads(options)
        data = bytes(AuthenticatorData.create(self._rp_hash(asked["rpId"]), self.flags, self._counted()))
        client_data = self._client_data("webauthn.get", asked)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=signature,
            userHandle=self.user_handle,
        )

    def _counted(self) -> int:
        self.counter += 1
        return self.counter

    def _client_data(self, kind: str, asked: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _answer(self, **response: bytes | str) -> str:
        encoded = {
            name: websafe_encode(value) if isinstance(value, bytes) else value
            for name, value in response.items()
        }
        id = websafe_encode(self.id)
        body = {
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": encoded,
            "clientExtensionResults": {},
        }
        return json.dumps(body)

    @staticmethod
    def _rp_hash(rp_id: str) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest()
