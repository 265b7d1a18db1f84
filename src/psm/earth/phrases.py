"""The phrase bank behind captions: how people name sounds, and places by what is heard there.

The first string of a sound holds noun phrases that can stand in a title or a list, the canonical
query first. The second holds plain clauses: without their first "is" or "are" they are noun
phrases too ("a dog is barking", "a dog barking").
"""

from __future__ import annotations

from dataclasses import dataclass

from psm.earth.sounds import SOUNDS, Sound


@dataclass(frozen=True, slots=True)
class Phrases:
    """One sound in words."""

    names: tuple[str, ...]
    clauses: tuple[str, ...]


def bank(names: str, clauses: str) -> Phrases:
    """Phrases from two strings, with semicolons between."""
    return Phrases(tuple(names.split("; ")), tuple(clauses.split("; ")))


PHRASES: dict[Sound, Phrases] = {
    Sound.WAVES: bank(
        "ocean waves; surf; the sea; waves on the beach; breaking waves; sea waves; the sound of "
        "the ocean; surf on the shore; a beach; the seashore; swell and surf",
        "waves are breaking on a beach; ocean waves are crashing onto the shore; waves are lapping "
        "against the rocks; surf is rolling in; the sea is washing ashore; waves are crashing on "
        "the coast; water is rushing up the sand",
    ),
    Sound.WIND: bank(
        "wind blowing; wind in the trees; strong wind; a breeze; rustling leaves; gusty wind; wind "
        "noise; howling wind; wind through the leaves; wind and foliage",
        "wind is blowing; wind is blowing through the trees; leaves are rustling in the wind; the "
        "wind is howling; gusts of wind are sweeping across open land; a breeze is moving through "
        "the branches; strong wind is buffeting the microphone",
    ),
    Sound.RAIN: bank(
        "rain falling; heavy rain; rain; a downpour; rain shower; steady rain; raindrops; drizzle; "
        "rain on leaves; rain on the roof; pouring rain",
        "rain is falling; heavy rain is pouring down; rain is pattering on leaves; raindrops are "
        "hitting the roof; hard rain is coming down; rain is dripping from the trees; a shower is "
        "passing over",
    ),
    Sound.THUNDER: bank(
        "thunder; a thunderstorm; rolling thunder; thunder rumble; a storm; distant thunder; "
        "thunder claps; lightning and thunder",
        "thunder is rumbling; thunder is rolling in the distance; a thunderstorm is passing; "
        "thunder is cracking overhead; a storm is approaching with thunder",
    ),
    Sound.STREAM: bank(
        "a flowing stream; a river; a brook; running water; a river flowing; a creek; a babbling "
        "brook; a mountain stream; flowing water; a waterfall; river rapids",
        "a stream is flowing over rocks; a river is flowing; water is running in a creek; a brook "
        "is babbling; water is rushing down a mountain stream; a river is rushing by; water is "
        "gurgling between stones",
    ),
    Sound.DAWN_CHORUS: bank(
        "a dawn chorus of birds; the dawn chorus; morning birdsong; many birds singing; a chorus "
        "of birds; birds at dawn; early morning birds; a forest full of birdsong",
        "many birds are singing at dawn; a chorus of birds is greeting the morning; dozens of "
        "birds are singing at once; birds are singing loudly in the early morning; the dawn chorus "
        "is in full song",
    ),
    Sound.SONGBIRDS: bank(
        "birds singing; birdsong; a songbird; bird calls; chirping birds; a bird singing; bird "
        "song; tweeting birds; a singing bird; birds",
        "birds are singing; birds are chirping; a bird is singing; a songbird is calling; small "
        "birds are tweeting in the trees; a bird is chirping nearby; birds are twittering in the "
        "bushes",
    ),
    Sound.GULLS: bank(
        "seagulls calling; seagulls; gulls; sea birds; gull calls; crying gulls; herring gulls; a "
        "colony of gulls; seagulls at the harbour",
        "seagulls are calling; gulls are crying overhead; seagulls are squawking; a gull is "
        "mewing; sea birds are screeching; gulls are circling and calling",
    ),
    Sound.OWLS: bank(
        "an owl hooting; an owl; owls; a tawny owl; owl hoots; an owl calling; hooting owls; a "
        "great horned owl",
        "an owl is hooting; owls are hooting in the dark; an owl is calling at night; a tawny owl "
        "is hooting from the wood; an owl is giving low hoots",
    ),
    Sound.CRICKETS: bank(
        "crickets chirping; crickets; chirping crickets; night insects; grasshoppers and crickets; "
        "a field cricket; crickets in the grass; insects at night; a cricket chorus",
        "crickets are chirping; crickets are chirping at night; insects are trilling; a cricket is "
        "chirping in the grass; crickets are singing in the dark; night insects are stridulating",
    ),
    Sound.CICADAS: bank(
        "cicadas; cicadas buzzing; a cicada chorus; buzzing insects; cicadas in the heat; tropical "
        "insects; insect buzz; droning cicadas; jungle insects",
        "cicadas are buzzing; cicadas are droning in the heat; insects are buzzing loudly; a "
        "cicada is whirring in a tree; cicadas are calling in the forest; tropical insects are "
        "shrilling",
    ),
    Sound.FROGS: bank(
        "frogs croaking; frogs; a frog chorus; croaking frogs; tree frogs; a frog; frogs at a "
        "pond; toads and frogs; a frog calling; spring peepers",
        "frogs are croaking; a frog is croaking; frogs are calling from a pond; a chorus of frogs "
        "is calling at night; toads are trilling; tree frogs are peeping",
    ),
    Sound.DOGS: bank(
        "a dog barking; dogs barking; a barking dog; dogs; barking; dog barks; neighbourhood dogs; "
        "a dog in the distance",
        "a dog is barking; dogs are barking; a dog is barking in the distance; two dogs are "
        "barking at each other; a dog is barking repeatedly; a small dog is yapping",
    ),
    Sound.ROOSTERS: bank(
        "a rooster crowing; a rooster; roosters; a cockerel; cock crow; chickens and a rooster; a "
        "crowing cock; a farmyard with a rooster",
        "a rooster is crowing; roosters are crowing; a cockerel is crowing at dawn; a cock is "
        "crowing in the village; a rooster is calling while hens cluck",
    ),
    Sound.CATTLE: bank(
        "cows mooing; cattle; cows; a cow; mooing cows; a herd of cows; cattle lowing; cows in a "
        "pasture; a dairy farm",
        "cows are mooing; a cow is mooing; cattle are lowing in a field; a herd of cattle is "
        "calling; a calf is calling for its mother",
    ),
    Sound.SHEEP: bank(
        "sheep bleating; sheep; bleating sheep; a flock of sheep; lambs and ewes; sheep with "
        "bells; goats and sheep; bleating lambs; sheep on a hillside",
        "sheep are bleating; a sheep is bleating; lambs are calling for their mothers; a flock of "
        "sheep is grazing and bleating; sheep are baaing in the meadow",
    ),
    Sound.TRAFFIC: bank(
        "road traffic; traffic; passing cars; a busy street; a busy road; cars driving by; street "
        "noise; city traffic; a highway; traffic noise; the hum of the city; vehicles on the road",
        "cars are passing by; traffic is moving on a busy street; vehicles are driving past; a car "
        "is passing on a wet road; traffic is humming on the motorway; an engine is running as "
        "cars go by",
    ),
    Sound.HORNS: bank(
        "car horns honking; car horns; honking cars; a car horn; horns in traffic; beeping horns; "
        "a honking horn; a traffic jam with horns",
        "a car horn is honking; cars are honking; drivers are honking in traffic; horns are "
        "blaring on the street; a vehicle is beeping its horn",
    ),
    Sound.SIRENS: bank(
        "an emergency siren; an ambulance siren; a police siren; sirens; a fire engine; a wailing "
        "siren; an ambulance; police car sirens; emergency vehicles",
        "a siren is wailing; an ambulance siren is sounding; a police siren is passing by; sirens "
        "are wailing in the city; an emergency vehicle is rushing past",
    ),
    Sound.TRAINS: bank(
        "a train passing; a train; a passing train; railway; a freight train; trains on the "
        "tracks; a train on the rails; railroad; a tram; a subway train",
        "a train is passing; a train is rattling along the tracks; a freight train is rolling by; "
        "a train is clattering over the rails; a train is passing with its horn blowing; wheels "
        "are clacking on the railway",
    ),
    Sound.AIRCRAFT: bank(
        "an aircraft flying over; an airplane; a plane overhead; a jet; a helicopter; an airplane "
        "cabin; aircraft noise; a propeller plane; inside an airplane; jet engines; an airport",
        "an airplane is flying overhead; a plane is passing over; a helicopter is hovering; a jet "
        "is roaring across the sky; the engines of an airplane are humming in the cabin; a small "
        "plane is droning overhead",
    ),
    Sound.VOICES: bank(
        "people talking; voices; a crowd of people talking; a crowd; conversation; people "
        "chatting; crowd noise; human voices; speech; children playing; a busy market; people "
        "laughing and talking",
        "people are talking; a crowd of people is talking; a man is speaking; a woman is talking; "
        "people are chatting and laughing; children are shouting and playing; many voices are "
        "murmuring",
    ),
    Sound.CHURCH_BELLS: bank(
        "church bells ringing; church bells; bells; a church bell; a bell tower; a church; tolling "
        "bells; bells of the cathedral; inside a church; chiming bells",
        "church bells are ringing; a church bell is tolling; bells are chiming from a tower; the "
        "bells of a church are pealing; a bell is striking the hour; bells and voices are echoing "
        "in a church",
    ),
    Sound.CONSTRUCTION: bank(
        "construction work; a construction site; construction noise; hammering and drilling; a "
        "building site; power tools; a jackhammer; heavy machinery; roadworks",
        "workers are hammering; a drill is running at a construction site; construction machines "
        "are working; a jackhammer is breaking concrete; a saw is cutting; heavy machinery is "
        "operating and beeping",
    ),
    Sound.CAMPFIRE: bank(
        "a crackling campfire; a campfire; fire; a wood fire; a crackling fire; a bonfire; burning "
        "wood; a fireplace; crackling flames",
        "a campfire is crackling; a fire is burning; wood is crackling and popping in a fire; "
        "flames are crackling; logs are burning on a campfire",
    ),
    Sound.ROWING: bank(
        "rowing a boat; a rowing boat; oars in the water; a canoe; paddling; rowing on a lake; a "
        "boat on the water; oars and splashing water; a kayak trip",
        "someone is rowing a boat; oars are splashing in the water; a boat is being rowed; a "
        "person is paddling a canoe across a lake; oars are creaking and dipping; water is lapping "
        "at the hull of a rowing boat",
    ),
    Sound.SNOW_STEPS: bank(
        "footsteps in snow; walking in snow; steps in the snow; crunching snow; a walk through "
        "snow; snow crunching underfoot; boots on snow; a winter walk",
        "someone is walking in snow; footsteps are crunching in the snow; snow is crunching under "
        "boots; a person is walking through deep snow; boots are treading on frozen snow",
    ),
    Sound.WOLVES: bank(
        "wolves howling; a wolf howling; wolves; a howling wolf; a wolf pack; a pack of wolves; a "
        "lone wolf; howls in the night; coyotes and wolves",
        "wolves are howling; a wolf is howling; a pack of wolves is howling in the distance; a "
        "lone wolf is howling at night; wolves are answering each other",
    ),
}

QUERY_PHRASES: dict[Sound, str] = {sound: PHRASES[sound].names[0] for sound in SOUNDS}
"""One canonical text query per sound: what the evaluation of maps asks."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A kind of place: one sound, and any of others with it."""

    needs: Sound
    any_of: frozenset[Sound]
    names: tuple[str, ...]


def _where(sound: Sound, *any_of: Sound, called: str) -> Surroundings:
    return Surroundings(sound, frozenset(any_of), tuple(called.split("; ")))


SURROUNDINGS: tuple[Surroundings, ...] = (
    _where(
        Sound.CICADAS,
        Sound.DAWN_CHORUS,
        Sound.SONGBIRDS,
        Sound.FROGS,
        called="a jungle; a tropical rainforest; the jungle at night; a tropical forest",
    ),
    _where(
        Sound.FROGS, Sound.CRICKETS, called="a pond at night; a marsh after dark; a swamp at night"
    ),
    _where(
        Sound.TRAFFIC,
        Sound.HORNS,
        Sound.SIRENS,
        Sound.VOICES,
        called="a busy street; a city street; a street corner downtown; an urban street",
    ),
    _where(
        Sound.WAVES,
        Sound.GULLS,
        called="the seaside; a beach with seabirds; the coast; a harbour by the sea",
    ),
    _where(Sound.THUNDER, Sound.WIND, Sound.RAIN, called="a thunderstorm; a storm; stormy weather"),
    _where(
        Sound.CHURCH_BELLS,
        Sound.VOICES,
        called="a church; a church square; Sunday mass; a village square by the church",
    ),
    _where(
        Sound.CAMPFIRE,
        Sound.OWLS,
        Sound.CRICKETS,
        Sound.FROGS,
        called="camping at night; a campsite after dark; an evening by the fire",
    ),
    _where(
        Sound.ROOSTERS,
        Sound.DOGS,
        Sound.CATTLE,
        Sound.SHEEP,
        called="a farm; a farmyard; village life; a village in the morning",
    ),
    _where(Sound.CATTLE, Sound.DOGS, Sound.SHEEP, called="a farm; a pasture; the countryside"),
    _where(
        Sound.CONSTRUCTION,
        Sound.TRAFFIC,
        Sound.VOICES,
        called="a building site in the city; city construction; roadworks",
    ),
    _where(
        Sound.SONGBIRDS,
        Sound.WIND,
        Sound.STREAM,
        called="a forest; the woods; a quiet valley; nature",
    ),
    _where(
        Sound.DAWN_CHORUS,
        Sound.WIND,
        Sound.STREAM,
        Sound.OWLS,
        called="a forest at dawn; woodland in the morning",
    ),
    _where(
        Sound.SNOW_STEPS,
        Sound.WIND,
        Sound.WOLVES,
        called="a winter hike; a snowy landscape; a cold winter day",
    ),
    _where(
        Sound.AIRCRAFT,
        Sound.TRAFFIC,
        Sound.VOICES,
        called="an airport; inside an aeroplane; a flight",
    ),
    _where(Sound.TRAINS, Sound.VOICES, called="a railway station; a train platform; a train ride"),
    _where(
        Sound.ROWING,
        Sound.WAVES,
        Sound.SONGBIRDS,
        Sound.GULLS,
        called="a boat trip; out on the water; a lake",
    ),
)
