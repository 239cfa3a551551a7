// Drafts that answer or pass on a message.
import { href, t, time } from "../shell/shell.js";
import { full, mine, names } from "./people.js";

const subject = (mark, s) => s.toLowerCase().startsWith(mark.toLowerCase()) ? s : `${mark} ${s}`.trim();
const quoted = (text) => text.replace(/\s+$/, "").split(/\r?\n/).map((l) => (l.startsWith(">") ? ">" : "> ") + l).join("\n");
const when = (m) => m.sent ? time(m.sent) : m.date;
const wrote = (m) => when(m) ? t("mail.quote", { date: when(m), name: names(m.from) }) : t("mail.quote.undated", { name: names(m.from) });

function chain(m) {
  return { inReplyTo: m.messageId, references: [...m.references.filter((r) => r !== m.messageId), m.messageId].filter(Boolean) };
}

// answer is a reply to the writer, or to everybody (RFC 5322 §3.6.3).
export async function answer(m, all) {
  const own = m.from.some(mine);
  const to = own ? m.to : m.replyTo;
  const others = (list) => list.filter((a) => a.address && !mine(a) && !to.some((b) => b.address === a.address));
  return {
    to: to.map(full), cc: all ? [...(own ? [] : others(m.to)), ...others(m.cc)].map(full) : [],
    subject: subject("Re:", m.subject), ...chain(m), answers: { folder: m.folder, uid: m.uid },
    text: `\n\n${wrote(m)}\n${quoted(m.text)}\n`, top: true,
  };
}

// forward passes on the text and the attachments.
export async function forward(m) {
  const head = [["mail.from", m.from], ["mail.to", m.to], ["mail.cc", m.cc]].filter(([, list]) => list.length)
    .map(([key, list]) => `${t(key)}: ${list.map(full).join(", ")}`);
  const lines = [t("mail.forwarded"), ...head, ...(when(m) ? [`${t("mail.date")}: ${when(m)}`] : []), `${t("mail.subject")}: ${m.subject}`];
  return { subject: subject("Fwd:", m.subject), text: `\n\n${lines.join("\n")}\n\n${m.text}`, files: await attachments(m), top: true };
}

// attachments fetches the attached files of a message.
export async function attachments(m) {
  const wanted = m.parts.filter((p) => p.attachment && p.depth === 0);
  return Promise.all(wanted.map(async (p) => {
    const r = await fetch(href(`/mail/messages/${m.folder}/${m.uid}/parts/${p.section}?download=1`));
    if (!r.ok) throw new Error(t("mail.attachment.lost", { name: p.name }));
    return new File([await r.blob()], p.name || `part-${p.section}`, { type: p.type });
  }));
}
