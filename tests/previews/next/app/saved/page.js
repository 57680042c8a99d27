export default async function Page({ searchParams }) {
  const { name } = await searchParams;
  return <p>{`Saved ${name}`}</p>;
}
