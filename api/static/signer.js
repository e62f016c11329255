// Signs with a PKCS#12 file inside the page: the key and its password never leave it.
// The server gives the bytes to sign and finishes the file; forge only opens the container, WebCrypto signs.
"use strict";

(() => {
  const form = document.getElementById("certificate-form");
  if (!form || !window.forge || !window.crypto || !window.crypto.subtle) return;
  form.hidden = false;
  const state = document.getElementById("certificate-state");
  const say = (sentence) => { state.textContent = sentence; };
  const OIDS = forge.pki.oids;
  const CURVES = { "1.2.840.10045.3.1.7": "P-256", "1.3.132.0.34": "P-384", "1.3.132.0.35": "P-521" };

  const bytes = (binary) => Uint8Array.from(binary, (c) => c.charCodeAt(0));
  const base64 = (binary) => forge.util.encode64(binary);
  const binaryOf = (buffer) => Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join("");

  const opened = (content, password) => {
    let container;
    try {
      container = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(content), false, password);
    } catch (error) {
      throw new Error(/password|MAC/i.test(String(error)) ? "Le mot de passe du fichier n’est pas le bon."
        : "Ce fichier n’est pas un certificat .p12 ou .pfx lisible.");
    }
    const bags = (type) => container.getBags({ bagType: type })[type] || [];
    const keys = [...bags(OIDS.pkcs8ShroudedKeyBag), ...bags(OIDS.keyBag)];
    const certificates = bags(OIDS.certBag);
    if (!keys.length || !certificates.length) throw new Error("Ce fichier ne contient pas une clé avec son certificat.");
    const id = (bag) => ((bag.attributes || {}).localKeyId || [""])[0];
    const own = certificates.filter((bag) => id(bag) && id(bag) === id(keys[0]));
    const ordered = [...own, ...certificates.filter((bag) => !own.includes(bag))];
    const der = (bag) => forge.asn1.toDer(bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1).getBytes();
    return { key: keyDer(keys[0]), chain: ordered.map(der) };
  };

  // forge knows RSA keys only; the others are left as they were in the container (PKCS#8).
  const keyDer = (bag) => {
    const structure = bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1;
    const algorithm = structure.value[1].value;
    const oid = forge.asn1.derToOid(algorithm[0].value);
    const curve = algorithm[1] && algorithm[1].type === forge.asn1.Type.OID ? forge.asn1.derToOid(algorithm[1].value) : "";
    return { oid, curve, der: forge.asn1.toDer(structure).getBytes() };
  };

  const signed = async (key, content) => {
    const rsa = key.oid === OIDS.rsaEncryption;
    if (!rsa && !CURVES[key.curve]) throw new Error("La clé de ce certificat est d’un type qui ne signe pas ici.");
    const kind = rsa ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } : { name: "ECDSA", namedCurve: CURVES[key.curve] };
    const use = rsa ? kind : { name: "ECDSA", hash: "SHA-256" };
    const imported = await crypto.subtle.importKey("pkcs8", bytes(key.der), kind, false, ["sign"]);
    return binaryOf(await crypto.subtle.sign(use, imported, bytes(content)));
  };

  const post = async (url, body) => {
    const answer = await fetch(url, {
      method: "POST", credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body),
    });
    const read = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(read.sentence || read.detail || "Le service n’a pas pu prendre la signature.");
    return read;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = form.elements.certificate.files[0];
    const password = form.elements["certificate-password"];
    const button = form.querySelector("button");
    if (!file) { say("Choisissez le fichier de votre certificat."); return; }
    button.disabled = true;
    try {
      say("Ouverture du certificat…");
      const { key, chain } = opened(binaryOf(await file.arrayBuffer()), password.value);
      say("Préparation de l’acte…");
      const { to_sign: toSign } = await post(form.dataset.prepare, { chain: chain.map(base64) });
      say("Signature, puis vérification…");
      const value = await signed(key, forge.util.decode64(toSign));
      const { next } = await post(form.dataset.finish, { value: base64(value) });
      password.value = "";
      location.assign(next);
    } catch (error) {
      say(error.message);
      button.disabled = false;
    }
  });
})();
