// Next.js runs a Server Action only if Origin names the same host as X-Forwarded-Host or, without that, Host.
import { redirect } from "next/navigation";

async function save(form) {
  "use server";
  redirect(`/saved?name=${form.get("name")}`);
}

export default function Page() {
  return <form action={save}><input name="name" /><button>Save</button></form>;
}
