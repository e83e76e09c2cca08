// An independent SMTP server on loopback. It says its port in the first line and every mail as one line of JSON. USER_NAME and PASSWORD are the only ones it lets in.
import { SMTPServer } from 'smtp-server';

const { USER_NAME, PASSWORD, STARTTLS } = process.env;
const server = new SMTPServer({
  disabledCommands: STARTTLS ? [] : ['STARTTLS'],
  authOptional: !USER_NAME,
  allowInsecureAuth: true,
  onAuth: (auth, session, done) => (auth.username === USER_NAME && auth.password === PASSWORD ? done(null, { user: auth.username }) : done(new Error('no'))),
  onRcptTo: (address, session, done) => (address.address.startsWith('nobody@') ? done(Object.assign(new Error('no such mailbox'), { responseCode: 550 })) : done()),
  onData: (stream, session, done) => {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (part) => { text += part; });
    stream.on('end', () => {
      console.log(JSON.stringify({ from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((r) => r.address), user: session.user ?? null, secure: session.secure, text }));
      done();
    });
  },
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.server.address().port })));
server.on('error', () => {});
