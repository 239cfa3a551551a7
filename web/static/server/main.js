import { get } from "../shell/shell.js";
import { Charts } from "./charts.js";
import { showFaults } from "./faults.js";
import { showLog } from "./log.js";
import { showQueue } from "./queue.js";
import { showSessions } from "./sessions.js";
import { showUsers } from "./users.js";

// The Server page: who is connected, what waits, who has a mailbox, what goes wrong
// on purpose, and what happens.
const node = await get("/node");
const charts = new Charts();
showSessions((n) => charts.note("conns", n));
if (node.features.queue) showQueue((n) => charts.note("queue", n));
if (node.features.users) showUsers();
if (node.features.faults) showFaults(node.nodes);
showLog();
